# The bench's schema for Cap'n Proto: what bench.proto says, in its terms.
@0xc73acb51e4abd9a0;

interface Echo {
  unary @0 (data :Data) -> (data :Data);
  # Answers with the data that it got.

  put @1 (data :Data) -> ();
  # Takes the data and answers with nothing.

  stream @2 (sink :Sink) -> ();
  # Sends data to the sink, without end.
}

interface Sink {
  write @0 (data :Data) -> stream;
  # Cap'n Proto's way to stream: the sender is told when to go on, by a window of bytes that are not acknowledged yet.
}
