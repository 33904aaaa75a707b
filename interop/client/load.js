'use strict';

/* Operations that make or measure load inside the client, so that neither
 * stdin nor stdout is in the way.
 */

const {print} = require('./facts.js');
const {revive} = require('./values.js');

const milliseconds = (since) => Number(process.hrtime.bigint() - since) / 1e6;

const percentile = (sorted, p) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? null;

const summary = (values) => {
  const sorted = values.sort((a, b) => a - b);
  return {
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    max: sorted.at(-1) ?? null,
  };
};

/* Calls cmd n times, at most `concurrency` at once, each time with the member
 * i of the data counting up. With echo, an answer that does not bring its own
 * i back, and the member by of the data if there is one, is counted as wrong.
 * Prints one fact "calls" at the end.
 */
const calls = (client, {label, cmd, data, n = 1000, concurrency = 1, nested = false, echo = false}) =>
  new Promise((resolve) => {
    const payload = revive(data ?? {});
    const result = {ok: 0, failed: 0, wrong: 0};
    const latencies = [];
    const start = process.hrtime.bigint();
    let sent = 0;
    let ended = 0;

    const finish = () => {
      const ms = milliseconds(start);
      print({fact: 'calls', label, n, concurrency, ms, ...result, latency: summary(latencies)});
      resolve();
    };
    const next = () => {
      if (sent === n) {
        return;
      }
      const i = sent++;
      const begin = process.hrtime.bigint();
      const done = (err, msg) => {
        latencies.push(milliseconds(begin));
        if (err) {
          ++result.failed;
        } else if (echo && (msg.data?.i !== i || msg.data?.by !== payload.by)) {
          ++result.wrong;
        } else {
          ++result.ok;
        }
        ++ended === n ? finish() : next();
      };
      client.command.send(cmd, {...payload, i}, null, done, {forceNested: nested});
    };
    if (n < 1) {
      finish();
    }
    for (let i = 0; i < Math.max(1, concurrency); ++i) {
      next();
    }
  });

/* Counts the events of a topic without printing them, and prints one fact
 * "counted" after n of them. When their data has a member at (microseconds of
 * the wall clock, as demo.pulse and demo.burst write it), the fact has their
 * latencies in milliseconds. The members i that do not follow each other are
 * counted as gaps.
 */
const count = (client, {label, topic, n}) => {
  const latencies = [];
  let received = 0;
  let bytes = 0;
  let gaps = 0;
  let last;
  let start;

  const unsubscribe = client.events.subscribe(topic, ({data}) => {
    start ??= process.hrtime.bigint();
    ++received;
    bytes += data?.text?.length ?? 0;
    if (typeof data?.at === 'number') {
      latencies.push((now() - data.at) / 1000);
    }
    if (typeof data?.i === 'number') {
      gaps += last !== undefined && data.i !== last + 1 ? 1 : 0;
      last = data.i;
    }
    if (received === n) {
      unsubscribe();
      const ms = milliseconds(start);
      print({fact: 'counted', label, n, ms, bytes, gaps, latency: summary(latencies)});
    }
  });
  print({fact: 'subscribed', label});
};

/* Looks at the members by and i of the events of a topic: those with another by
 * are foreign, those with an i that was there before are duplicated. "tallied"
 * prints what there is so far.
 */
const tallies = new Map();

const tally = (client, {label, topic, by}) => {
  const result = {seen: 0, foreign: 0, duplicated: 0};
  const seen = new Set();

  client.events.subscribe(topic, ({data}) => {
    if (data?.by !== by) {
      ++result.foreign;
    } else if (seen.has(data.i)) {
      ++result.duplicated;
    } else {
      seen.add(data.i);
      ++result.seen;
    }
  });
  tallies.set(label, result);
  print({fact: 'subscribed', label});
};

const tallied = ({label}) => print({fact: 'tallied', label, ...tallies.get(label)});

/* Microseconds of the wall clock. */
const now = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

module.exports = {calls, count, tally, tallied};
