'use strict';

const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

/* Saves what each socket sends and receives in the folder dir, one file by
 * direction, with a timeline of the pieces in timeline.json.
 */
module.exports = (dir) => {
  fs.mkdirSync(dir, {recursive: true});
  const start = process.hrtime.bigint();
  const now = () => Number((process.hrtime.bigint() - start) / 1000n) / 1000;
  const timeline = [];
  let sockets = 0;

  const {connect} = net.Socket.prototype;
  net.Socket.prototype.connect = function (...args) {
    const where = args[0]?.[0]?.path || args[0]?.[0]?.port || args[0];
    const base = path.basename(`${where}`).replace(/[^A-Za-z0-9-]/g, '_');
    const socket = `${sockets++}-${base}`;
    const save = (direction, chunk, encoding) => {
      const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk, encoding);
      fs.appendFileSync(path.join(dir, `${socket}.${direction}.bin`), bytes);
      timeline.push({ms: now(), socket, dir: direction, bytes: bytes.length});
    };

    timeline.push({ms: now(), socket, dir: 'connect', bytes: 0});
    const {write, push} = this;
    const ret = connect.apply(this, args); // it resets write()
    this.write = (chunk, encoding, cb) => {
      save('out', chunk, encoding);
      return write.call(this, chunk, encoding, cb);
    };
    this.push = (chunk, encoding) => {
      if (chunk) {
        save('in', chunk, encoding);
      }
      return push.call(this, chunk, encoding);
    };
    this.on('close', () => timeline.push({ms: now(), socket, dir: 'close', bytes: 0}));
    return ret;
  };

  process.on('exit', () =>
    fs.writeFileSync(path.join(dir, 'timeline.json'), JSON.stringify(timeline))
  );
};
