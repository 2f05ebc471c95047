// httpd with Node's cluster module: what the C files here replace. The same pages, the same counting, restart and reload.
'use strict';
const cluster = require('cluster');
const http = require('http');
const os = require('os');

const PORT = Number(process.argv[2] || 8080);
const WORKERS = Number(process.argv[3] || os.availableParallelism?.() || os.cpus().length);
const HEADERS = { 'Content-Type': 'text/plain; charset=utf-8' };

function runWorker() {
  // A question to the primary is two messages that know nothing of each other; this table makes them one.
  const questions = new Map();
  let lastQuestion = 0;
  process.on('message', (message) => {
    if (message.type === 'status') {
      questions.get(message.question)?.(message.page);
      questions.delete(message.question);
    }
  });
  const ask = () =>
    new Promise((resolve) => {
      questions.set(++lastQuestion, resolve);
      process.send({ type: 'status', question: lastQuestion });
    });

  let requests = 0;
  const tell = () => {
    if (requests > 0 && process.connected) process.send({ type: 'served', requests });
    requests = 0;
  };
  setInterval(tell, 100).unref();
  process.on('disconnect', tell);

  const answer = (response, status, body, headers) => {
    requests++;
    response.writeHead(status, { ...HEADERS, ...headers, 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  };
  const server = http.createServer(async (request, response) => {
    const path = request.url.split('?', 1)[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      answer(response, 405, '405 Method Not Allowed\n', { Allow: 'GET, HEAD' });
    } else if (path === '/') {
      answer(response, 200, `Hello from worker ${cluster.worker.id}\n`);
    } else if (path === '/status') {
      answer(response, 200, await ask());
    } else {
      answer(response, 404, '404 Not Found\n');
    }
  });
  server.keepAliveTimeout = 15000;
  server.listen(PORT, '127.0.0.1');
}

function runPrimary() {
  const started = Date.now();
  const counts = new Map();
  let total = 0;
  let stopping = false;

  const page = () => {
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    const lines = [`master ${process.pid}`, `up ${seconds} s`, `requests ${total}`, ''];
    for (const worker of Object.values(cluster.workers)) {
      lines.push(`${worker.id} ${worker.process.pid} ${worker.state} ${counts.get(worker.id) || 0}`);
    }
    return lines.join('\n') + '\n';
  };

  cluster.on('message', (worker, message) => {
    switch (message.type) {
      case 'served':
        total += message.requests;
        counts.set(worker.id, (counts.get(worker.id) || 0) + message.requests);
        break;
      case 'status':
        worker.send({ type: 'status', question: message.question, page: page() });
        break;
    }
  });

  cluster.on('exit', (worker) => {
    counts.delete(worker.id);
    if (!stopping && !worker.exitedAfterDisconnect) cluster.fork();
  });

  let listening = 0;
  cluster.on('listening', () => {
    if (++listening === WORKERS) console.log(`httpd.js: master ${process.pid} listens at port ${PORT}`);
  });

  process.on('SIGHUP', () => {
    for (const old of Object.values(cluster.workers)) {
      cluster.fork().once('listening', () => old.disconnect());
    }
  });
  process.on('SIGTERM', () => {
    stopping = true;
    for (const worker of Object.values(cluster.workers)) worker.disconnect();
  });

  for (let i = 0; i < WORKERS; i++) cluster.fork();
}

if (cluster.isPrimary) runPrimary();
else runWorker();
