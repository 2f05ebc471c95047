// hello with Node's cluster module: what main.c replaces. The same greetings, the same news, the same death.
'use strict';
const cluster = require('cluster');

const WORKERS = 2;

function runWorker() {
  const say = (what, text) => console.log(`  worker ${cluster.worker.id}: ${what}: "${text}"`);

  process.on('message', (message) => {
    switch (message.type) {
      case 'answer': // to our greeting
        say('the master answers', message.text);
        break;
      case 'greet':
        say('the master calls', message.text);
        process.send({ type: 'answer', text: 'hello, master' });
        break;
      case 'news':
        say('news', message.text);
        process.send({ type: 'news', text: 'I have heard it' });
        break;
    }
  });
  process.send({ type: 'greet', text: 'hello from your worker' });
}

function runMaster() {
  const count = { greeted: 0, answered: 0, heard: 0, killed: 0, stopped: 0 };
  const workers = () => Object.values(cluster.workers);

  const maybeTellNews = () => {
    if (count.greeted === WORKERS && count.answered === WORKERS) {
      for (const worker of workers()) worker.send({ type: 'news', text: 'everybody has been greeted' });
    }
  };

  cluster.on('online', (worker) => worker.send({ type: 'greet', text: 'hello from your master' }));

  cluster.on('message', (worker, message) => {
    switch (message.type) {
      case 'greet':
        console.log(`master: worker ${worker.id} calls: "${message.text}"`);
        worker.send({ type: 'answer', text: `hello, worker ${worker.id}` });
        count.greeted++;
        maybeTellNews();
        break;
      case 'answer':
        console.log(`master: worker ${worker.id} answers: "${message.text}"`);
        count.answered++;
        maybeTellNews();
        break;
      case 'news':
        console.log(`master: news from worker ${worker.id}: "${message.text}"`);
        if (++count.heard === WORKERS) workers()[WORKERS - 1].process.kill('SIGKILL');
        break;
    }
  });

  cluster.on('exit', (worker, code, signal) => {
    console.log(`master: worker ${worker.id} died: exit code ${code}, signal ${signal}`);
    if (signal === 'SIGKILL') {
      count.killed++;
      for (const other of workers()) other.disconnect();
    } else {
      count.stopped++;
      const all = count.greeted === WORKERS && count.answered === WORKERS && count.heard === WORKERS;
      process.exit(all && count.killed === 1 ? 0 : 1);
    }
  });

  for (let i = 0; i < WORKERS; i++) cluster.fork();
}

if (cluster.isPrimary) runMaster();
else runWorker();
