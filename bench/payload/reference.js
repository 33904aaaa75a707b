'use strict';

/* The reference's own library on the text that comes by stdin: nanoseconds of
 * one decode and one encode, medians.
 */

const fs = require('node:fs');
const serialize = require('xcraft-isomorphic-serialize');

const text = fs.readFileSync(0, 'utf8');
const passes = Number(process.argv[1]);

const typical = (f) => {
  const ns = [];
  for (let i = 0; i < 2 * passes; ++i) {
    const began = process.hrtime.bigint();
    f();
    if (i >= passes) {
      /* the first half lets the compiler do its work */
      ns.push(Number(process.hrtime.bigint() - began));
    }
  }
  ns.sort((a, b) => a - b);
  return ns[ns.length >> 1];
};

const options = {protocol: 1}; /* as Xcraft calls it */
const value = serialize.parse(text, options);
process.stdout.write(
  JSON.stringify({
    decode: typical(() => serialize.parse(text, options)),
    encode: typical(() => serialize.stringify(value, options)),
    size: value.size,
    length: serialize.stringify(value, options).length,
  })
);
