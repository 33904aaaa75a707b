'use strict';

/* Immutable and Shredder payloads, both ways. */

const Immutable = require('immutable');
const Shredder = require('xcraft-core-shredder');

const immutables = {
  map: () => Immutable.fromJS({a: 1, b: {c: [1, 'two', null, true]}}),
  ordered: () => Immutable.OrderedMap([['z', 1], ['a', 2]]),
  list: () => Immutable.List([1, undefined, NaN, -0, Infinity, -Infinity]),
  set: () => Immutable.Set(['x', 'y']),
  orderedSet: () => Immutable.OrderedSet(['y', 'x']),
  shared: () => {
    const shared = Immutable.Map({s: 1});
    return Immutable.Map({a: shared, b: shared});
  },
};

const kind = (v) => {
  if (Shredder.isShredder(v)) {
    return `Shredder<${kind(v.state)}>`;
  }
  if (Immutable.isImmutable(v)) {
    return v.toString().replace(/ .*/s, '');
  }
  if (Buffer.isBuffer(v)) {
    return `Buffer ${v.toString('hex')}`;
  }
  return v === null ? 'null' : Array.isArray(v) ? 'Array' : typeof v;
};

const isPlain = (v) =>
  v && typeof v === 'object' && !Immutable.isImmutable(v) && !Shredder.isShredder(v);

module.exports = (add) => {
  add('immutable', {desc: 'immutable result (data.kind)'}, ({data, done}) =>
    done(immutables[data.kind ?? 'map']())
  );

  add('immutableKeys', {desc: 'result with immutable members'}, ({done}) =>
    done({
      plain: 1,
      map: immutables.map(),
      shredder: new Shredder(immutables.map()),
      data: {inner: immutables.list()},
    })
  );

  add('immutableLarge', {desc: 'immutable map of data.n entries'}, ({data, done}) => {
    const entries = Array.from({length: data.n ?? 1000}, (_, i) => [`key-${i}`, {i, text: `v${i}`}]);
    done(Immutable.fromJS(Object.fromEntries(entries)));
  });

  add('shredder', {desc: 'shredder result'}, ({done}) => done(new Shredder(immutables.map())));

  add('kind', {desc: 'kinds of the payload as the server has it'}, ({msg, done}) => {
    const {data} = msg;
    const members = isPlain(data) ? Object.entries(data) : [];
    done({
      kind: kind(data),
      keys: Object.fromEntries(members.map(([k, v]) => [k, kind(v)])),
      text: `${JSON.stringify(Shredder.isShredder(data) ? data.state : data)}`,
    });
  });
};
