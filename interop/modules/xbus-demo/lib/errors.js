'use strict';

/* Every kind of error answer, and handlers that throw. */

module.exports = (add) => {
  add('fail', {desc: 'structured error'}, ({data, fail}) =>
    fail({
      code: 'DEMO_FAIL',
      message: 'it failed',
      name: 'DemoError',
      stack: 'DemoError: it failed\n    at demo',
      info: {why: 'because'},
      id: 'error-id',
      extra: 'lost by the client',
      ...data,
    })
  );

  add('failString', {desc: 'error given as a string'}, ({fail}) => fail('plain text'));

  add('failEmpty', {desc: 'error without data'}, ({fail}) => fail());

  add('failError', {desc: 'error given as an Error'}, ({fail}) =>
    fail(new TypeError('lost on the wire'))
  );

  add('failCode', {desc: 'Error with a code'}, ({fail}) =>
    fail(Object.assign(new Error('lost'), {code: 'E_CODE'}))
  );

  add('failLater', {desc: 'structured error after data.ms'}, ({data, fail}) => {
    setTimeout(() => fail({code: 'DEMO_LATE', message: 'it failed late'}), data.ms ?? 100);
  });

  /* One failure after the other, then data, for those who retry. */
  const attempts = new Map();
  add('flaky', {desc: 'data.failures errors, then a result, by data.key'}, ({data, done, fail}) => {
    const {key = '', failures = 2} = data;
    const attempt = (attempts.get(key) ?? 0) + 1;
    attempts.set(key, attempt);
    if (attempt <= failures) {
      fail({code: 'DEMO_FLAKY', message: `attempt ${attempt} failed`, info: {attempt}});
      return;
    }
    attempts.delete(key);
    done({attempt});
  });

  add('throw', {desc: 'the handler throws (never answered)'}, () => {
    throw new Error('thrown by the handler');
  });

  add('throwLater', {desc: 'a callback of the handler throws'}, () => {
    setTimeout(() => {
      throw new Error('thrown later by the handler');
    }, 10);
  });
};
