'use strict';

/* Values that JSON does not have, as operations and facts write them:
 *
 *   in operations  $immutable $ordered $list $set $shredder $hex $undefined
 *                  $number $stream
 *   in facts       $Map $OrderedMap $List $Set $OrderedSet $shredder $hex
 *                  $function $number
 */

const fs = require('node:fs');
const Immutable = require('immutable');
const Shredder = require('xcraft-core-shredder');

const makers = {
  $immutable: (v) => Immutable.fromJS(revive(v)),
  $ordered: (v) => Immutable.OrderedMap(revive(v)),
  $list: (v) => Immutable.List(revive(v)),
  $set: (v) => Immutable.Set(revive(v)),
  $shredder: (v) => new Shredder(revive(v)),
  $hex: (v) => Buffer.from(v, 'hex'),
  $undefined: () => undefined,
  $number: (v) => Number(v),
  $stream: (v) => fs.createReadStream(v),
};

const mapMembers = (object, map) =>
  Object.fromEntries(Object.entries(object).map(([k, v]) => [k, map(v)]));

/* The real thing for what an operation wrote. */
const revive = (value) => {
  if (Array.isArray(value)) {
    return value.map(revive);
  }
  if (!value || typeof value !== 'object') {
    return value;
  }
  const [key] = Object.keys(value);
  return makers[key] ? makers[key](value[key]) : mapMembers(value, revive);
};

/* What a fact prints for a real thing. */
const describe = (value) => {
  if (Shredder.isShredder(value)) {
    return {$shredder: describe(value.state)};
  }
  if (Immutable.isImmutable(value)) {
    const kind = value.toString().replace(/ .*/s, '');
    return {[`$${kind}`]: value.toJS()};
  }
  if (Buffer.isBuffer(value)) {
    return {$hex: value.toString('hex')};
  }
  if (typeof value === 'function') {
    return {$function: `${value}`};
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return {$number: `${value}`};
  }
  if (Array.isArray(value)) {
    return value.map(describe);
  }
  return value && typeof value === 'object' ? mapMembers(value, describe) : value;
};

module.exports = {revive, describe};
