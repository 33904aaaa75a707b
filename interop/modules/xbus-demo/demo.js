'use strict';

/* Demo commands of the interoperability great hall.
 *
 * The command X of the files in lib/ is published as "demo.X", and as
 * "demo.<appId>.X" in order to have names that belong to only one node of a
 * horde. A command answers with the event "<command>.<msg.id>.finished" or
 * ".error".
 */

const {appId} = require('xcraft-core-host');

const handlers = {};
const rc = {};

/* handler({msg, resp, data, name, send, done, fail}); the options are those of
 * the registry: desc, parallel, options.params.
 */
const add = (command, options, handler) => {
  for (const name of [command, `${appId}.${command}`]) {
    rc[name] = {parallel: true, desc: command, ...options};
    handlers[name] = (msg, resp) => {
      const send = (end, data) => resp.events.send(`demo.${name}.${msg.id}.${end}`, data);
      handler({
        msg,
        resp,
        data: msg.data ?? {},
        name: `demo.${name}`,
        send,
        done: (data) => send('finished', data),
        fail: (err) => send('error', err),
      });
    };
  }
};

require('./lib/results.js')(add);
require('./lib/errors.js')(add);
require('./lib/immutable.js')(add);
require('./lib/events.js')(add);
require('./lib/activities.js')(add);
require('./lib/streams.js')(add);
require('./lib/control.js')(add);

exports.xcraftCommands = () => ({handlers, rc});
