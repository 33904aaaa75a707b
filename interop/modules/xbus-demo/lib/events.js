'use strict';

/* Events for everybody, for the caller, and for one call. */

/* Microseconds of the wall clock, to measure latencies between processes. */
const now = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

module.exports = (add) => {
  add('tick', {desc: 'data.n events for all, data.n for the orc'}, ({data, resp, done}) => {
    const {n = 3} = data;
    for (let i = 0; i < n; ++i) {
      resp.events.send('demo::ticked', {i});
    }
    for (let i = 0; i < n; ++i) {
      resp.events.send('demo.progressed', {i, n});
    }
    done(n);
  });

  add('progress', {desc: 'data.n events of this call, one by data.ms'}, ({data, send, done}) => {
    const {n = 3, ms = 10} = data;
    let i = 0;
    const timer = setInterval(() => {
      if (i === n) {
        clearInterval(timer);
        done({n});
        return;
      }
      ++i;
      send('progressed', {i, n});
    }, ms);
  });

  add(
    'pulse',
    {desc: 'data.n events demo::pulsed of data.size characters or of data.text, data.per by data.ms'},
    ({data, resp, done}) => {
      const {n = 3, ms = 100, per = 1, size = 0, topic = 'demo::pulsed'} = data;
      const text = data.text ?? 'p'.repeat(size);
      let i = 0;
      const timer = setInterval(() => {
        for (let k = 0; k < per && i < n; ++k, ++i) {
          resp.events.send(topic, {i, n, at: now(), text});
        }
        if (i >= n) {
          clearInterval(timer);
          done(n);
        }
      }, ms);
    }
  );

  add(
    'burst',
    {desc: 'data.n events demo::burst of data.size characters or of data.text'},
    ({data, resp, done}) => {
      const {n = 1000, size = 10, topic = 'demo::burst'} = data;
      const text = data.text ?? 'b'.repeat(size);
      for (let i = 0; i < n; ++i) {
        resp.events.send(topic, {i, at: now(), text});
      }
      done(n);
    }
  );

  add('emit', {desc: 'send the event data.topic with data.payload'}, ({data, resp, done}) => {
    const {topic, payload, serialize, context} = data;
    done({sent: resp.events.send(topic, payload, serialize, null, context)});
  });

  add('emitFunction', {desc: 'serialized event with a function'}, ({resp, done}) => {
    const payload = {
      double: function (a) {
        return a * 2;
      },
      n: 21,
    };
    resp.events.send('demo::function', payload, true);
    done();
  });
};
