'use strict';

/* Activities, their order, and commands that call commands. */

const trace = [];

const work = ({data, done}, name) => {
  const {tag = '', ms = 100} = data;
  trace.push(`>${name}:${tag}`);
  setTimeout(() => {
    trace.push(`<${name}:${tag}`);
    done({tag});
  }, ms);
};

module.exports = (add) => {
  add('serial', {parallel: false, desc: 'exclusive activity of data.ms'}, (it) =>
    work(it, 'serial')
  );

  add('serial2', {parallel: false, desc: 'another exclusive activity'}, (it) =>
    work(it, 'serial2')
  );

  add('parallel', {desc: 'parallel activity of data.ms'}, (it) => work(it, 'parallel'));

  add('trace', {desc: 'order of the activities since the last call'}, ({done}) =>
    done(trace.splice(0))
  );

  /* The response object has the orc name of the caller: the call is nested. */
  add('nested', {desc: 'call data.cmd with data.data'}, ({data, resp, fail, done}) =>
    resp.command.send(data.cmd, data.data, (err, res) =>
      err ? fail(err) : done({message: {...res, data: undefined}, data: res.data})
    )
  );
};
