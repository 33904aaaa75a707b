'use strict';

/* Commands that answer, or do not. */

const crypto = require('node:crypto');

module.exports = (add) => {
  add(
    'echo',
    {desc: 'send the data back', options: {params: {optional: 'value'}}},
    ({msg, done}) => done(msg.data)
  );

  /* Only the registry tells the kinds of parameters, the server checks nothing. */
  add(
    'params',
    {
      desc: 'a command with every kind of parameter',
      options: {params: {required: ['name', 'size'], optional: ['color', 'tags...']}},
    },
    ({msg, done}) => done(msg.data)
  );

  add('slow', {desc: 'answer after data.ms'}, ({data, done}) => {
    setTimeout(() => done(data), data.ms ?? 100);
  });

  add('never', {desc: 'no answer at all'}, () => {});

  add('nothing', {desc: 'answer without data'}, ({done}) => done());

  add('twice', {desc: 'two answers'}, ({done}) => {
    done(1);
    done(2);
  });

  add('large', {desc: 'answer with data.size characters'}, ({data, done}) =>
    done({text: 'x'.repeat(data.size ?? 1 << 20)})
  );

  add('random', {desc: 'answer with data.size random hex digits'}, ({data, done}) => {
    const size = data.size ?? 1 << 20;
    done({text: crypto.randomBytes(Math.ceil(size / 2)).toString('hex').slice(0, size)});
  });

  add('digest', {desc: 'size and SHA-256 of data.text or data.chunk'}, ({data, done}) => {
    const bytes = Buffer.from(data.chunk ?? data.text ?? '');
    const sha256 = crypto.createHash('sha256').update(bytes).digest('hex');
    done({size: bytes.length, sha256});
  });

  add('chunk', {desc: 'answer with a data.chunk buffer'}, ({data, done}) =>
    done({name: 'chunk', chunk: Buffer.from(data.hex ?? '00ff10', 'hex')})
  );

  /* Wrapped: a payload with _xcraftMessage would be sent as it is. */
  add('message', {desc: 'the message as the server has it'}, ({msg, done}) =>
    done({message: JSON.parse(JSON.stringify(msg))})
  );
};
