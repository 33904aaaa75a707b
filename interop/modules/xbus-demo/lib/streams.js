'use strict';

/* Streams of bytes: downloads (the result is a stream), uploads (the data is
 * one) and downloads made by the server from another great hall.
 */

const crypto = require('node:crypto');
const {Readable, Writable} = require('node:stream');

/* Byte number i of a stream of the kind "pattern". */
const patternByte = (i) => (i * 31 + (i >> 8) * 7 + (i >> 16)) & 255;

const fillers = {
  pattern: (chunk, offset) => {
    for (let i = 0; i < chunk.length; ++i) {
      chunk[i] = patternByte(offset + i);
    }
  },
  a: (chunk) => chunk.fill('a'),
};

/* A stream of size bytes in pieces of `chunk` bytes, each one beginning with
 * prefix, one by ms, that fails after failAt bytes.
 */
const source = ({size = 200000, chunk = 65536, kind = 'a', prefix = '', ms = 0, failAt = Infinity}) => {
  let offset = 0;
  const next = function () {
    if (offset >= failAt) {
      this.destroy(new Error(`the source failed after ${offset} bytes`));
      return;
    }
    const length = Math.min(size - offset, chunk, failAt - offset);
    if (!length) {
      this.push(null);
      return;
    }
    const piece = Buffer.alloc(length);
    fillers[kind](piece, offset);
    piece.write(prefix);
    offset += length;
    this.push(piece);
  };
  return new Readable({
    highWaterMark: chunk,
    read() {
      ms ? setTimeout(next.bind(this), ms) : next.call(this);
    },
  });
};

/* Reads everything; fails after stopAt bytes. */
const sink = (stopAt = Infinity) => {
  const hash = crypto.createHash('sha256');
  let size = 0;
  const stream = new Writable({
    write(chunk, _, next) {
      hash.update(chunk);
      size += chunk.length;
      next(size >= stopAt ? new Error(`the receiver stopped after ${size} bytes`) : null);
    },
  });
  return {stream, result: () => ({size, sha256: hash.digest('hex')})};
};

/* The callback may come twice when the receiver stops: the first one counts. */
const receive = (data, routingKey, stopAt, done, fail) => {
  const {stream, result} = sink(stopAt);
  let ended = false;
  data.xcraftStream.streamer(routingKey, stream, null, (err) => {
    if (!ended) {
      ended = true;
      err ? fail({code: 'DEMO_STREAM', message: err.message}) : done(result());
    }
  });
};

module.exports = (add) => {
  add('download', {desc: 'stream of data.size bytes, of data.file or of data.files'}, ({data, done}) => {
    const {file, files, streamId, ...options} = data;
    const xcraftStream = file || files || source(options);
    done(streamId ? {xcraftStream, streamId} : {xcraftStream});
  });

  /* What a receiver should have got of a download with the same data. */
  add('downloadDigest', {desc: 'size and SHA-256 of such a download'}, ({data, done, fail}) => {
    const {stream, result} = sink();
    source({...data, ms: 0})
      .on('error', (err) => fail({code: 'DEMO_STREAM', message: err.message}))
      .pipe(stream)
      .on('finish', () => done(result()));
  });

  add('upload', {desc: 'read the stream of the caller'}, ({data, done, fail}) =>
    receive(data, data.routingKey, data.stopAt, done, fail)
  );

  /* The other direction: data.cmd gets a stream like that of download. */
  add('push', {desc: 'call data.cmd with a stream of data.source'}, ({data, resp, done, fail}) =>
    resp.command.send(
      data.cmd,
      {xcraftUpload: source(data.source), routingKey: data.routingKey, ...data.data},
      (err, res) => (err ? fail(err) : done(res.data))
    )
  );

  add('fetch', {desc: 'call data.cmd and read its stream'}, ({data, resp, done, fail}) =>
    resp.command.send(data.cmd, data.data, (err, res) =>
      err ? fail(err) : receive(res.data, data.routingKey, data.stopAt, done, fail)
    )
  );
};
