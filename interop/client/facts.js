'use strict';

/* The facts that the client prints, one JSON line each, and how operations wait
 * for them.
 */

const facts = [];
const waiters = new Set();

const print = (fact) => {
  process.stdout.write(
    JSON.stringify(fact, (_, value) =>
      typeof value === 'function'
        ? {$function: `${value}`}
        : typeof value === 'number' && !Number.isFinite(value)
        ? {$number: `${value}`}
        : value
    ) + '\n'
  );
  facts.push(fact);
  waiters.forEach((waiter) => waiter());
};

/* True when actual has all that expected has; objects may have more members. */
const matches = (actual, expected) => {
  if (!expected || typeof expected !== 'object') {
    return actual === expected;
  }
  if (!actual || typeof actual !== 'object') {
    return false;
  }
  if (Array.isArray(expected) && actual.length !== expected.length) {
    return false;
  }
  return Object.entries(expected).every(([k, v]) => matches(actual[k], v));
};

const select = ({for: name, label, match}) =>
  facts.filter(
    (it) =>
      it.fact === name &&
      (label === undefined || it.label === label) &&
      (match === undefined || matches(it, match))
  );

/* Resolves to whether count facts of this kind were printed, now or within ms. */
const waitFor = ({count = 1, ms = 5000, ...wanted}) =>
  new Promise((resolve) => {
    const settle = (found) => {
      waiters.delete(check);
      clearTimeout(timer);
      resolve(found);
    };
    const check = () => select(wanted).length >= count && settle(true);
    const timer = setTimeout(() => settle(false), ms);
    waiters.add(check);
    check();
  });

module.exports = {print, select, waitFor};
