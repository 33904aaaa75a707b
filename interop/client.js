'use strict';

/* Drives a real Xcraft bus client. It reads one JSON operation by line on
 * stdin (or from --script) and prints one JSON line by fact on stdout. After
 * the last operation it stops; the exit code is 1 when an "expect" failed.
 *
 * {"op":"connect"}                        connect, then prints "connected"
 * {"op":"send","label":"a","cmd":"demo.echo","data":{"x":1}}
 * {"op":"sendAsync",..}                   idem, through a response object
 * {"op":"raw","cmd":"demo.echo","msg":{...}}  send a ready made message
 * {"op":"calls","label":"l","cmd":"demo.echo","n":1000,"concurrency":16}
 * {"op":"subscribe","label":"s","topic":"demo::*"}
 * {"op":"unsubscribe","label":"s"}
 * {"op":"count","label":"c","topic":"demo::burst","n":1000}
 * {"op":"tally","label":"t","topic":"*::heard","by":"me"} {"op":"tallied","label":"t"}
 * {"op":"respSubscribe",..} {"op":"respSend",..} {"op":"unsubscribeAll",..}
 * {"op":"onReconnect","label":"r"}        (ended by "unsubscribe")
 * {"op":"wait","for":"result","label":"a","ms":5000}   wait for a printed fact
 * {"op":"expect","for":"result","label":"a","match":{"data":{"x":1}},"count":1}
 * {"op":"refuse","for":"connected"}       no such fact may have been printed
 * {"op":"sleep","ms":100}
 * {"op":"state"} {"op":"command","name":"demo.echo"} {"op":"names"}
 * {"op":"abort","id":"..."} {"op":"abortAll"}
 * {"op":"destroyPush"} {"op":"stop"} {"op":"exit","code":0}
 *
 * Values that JSON does not have: client/values.js.
 */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');

const {readOptions} = require('./options.js');

const opt = readOptions({
  host: '127.0.0.1',
  commander: 35400,
  notifier: 35800,
  backend: 'axon',
  ca: '', // server certificate, it enables TLS
  key: '', // client key
  cert: '', // client certificate
  unix: '',
  nice: 0,
  noforwarding: false,
  passive: true, // else a lost connection to localhost ends the process
  keepalive: 6000,
  timeout: 0,
  subs: '', // JSON list of subscriptions, the default is greathall::* and gameover
  record: '', // folder where the raw bytes of the sockets are saved
  script: '',
  log: 3, // 0 verb, 1 info, 2 warn, 3 err
  root: '', // folder of the generated configuration, removed at the end
  stdin: false, // with script: end when stdin ends
  app: 'xbusclient',
});

console.log = console.info = console.error;

if (opt.record) {
  require('./client/record.js')(opt.record);
}

/* A bus client needs a configured Xcraft root. */
const root = opt.root || fs.mkdtempSync(path.join(os.tmpdir(), 'xbus-client-'));
fs.mkdirSync(root, {recursive: true});
process.on('exit', () => fs.rmSync(root, {recursive: true, force: true}));
process.on('SIGTERM', () => process.exit(143));

/* Nobody listens any more: without this, the failure to print would be printed. */
process.stdout.on('error', () => process.exit(1));
if (opt.script && opt.stdin) {
  process.stdin.on('end', () => process.exit(1)).resume();
}
process.env.XCRAFT_APP_CONFIG_PATH = root;
process.env.XCRAFT_LOG = `${opt.log}`;
process.env.GOBLINS_APP = opt.app;
require('xcraft-server/lib/init-env.js')(root, __dirname);
require('xcraft-core-log').setGlobalVerbosity(Number(opt.log));

const {BusClient} = require('xcraft-core-busclient');
const {print, select, waitFor} = require('./client/facts.js');
const {revive, describe} = require('./client/values.js');
const load = require('./client/load.js');

process.on('uncaughtException', (err) =>
  print({fact: 'uncaught', error: err?.message || `${err}`, stack: err?.stack})
);

const client = new BusClient(
  {
    host: opt.host,
    commanderPort: Number(opt.commander),
    notifierPort: Number(opt.notifier),
    noTLS: !opt.ca,
    unixSocketId: opt.unix,
    nice: Number(opt.nice),
    noForwarding: opt.noforwarding,
    passive: opt.passive,
    clientKeepAlive: Number(opt.keepalive),
    timeout: Number(opt.timeout),
    ...(opt.ca && {caPath: path.resolve(opt.ca)}),
    ...(opt.key && {keyPath: path.resolve(opt.key), certPath: path.resolve(opt.cert)}),
  },
  opt.subs ? JSON.parse(opt.subs) : undefined
);

const commands = () => Object.keys(client.getCommandsRegistry()).length;
const identity = () => ({orcName: client.getOrcName(), token: client.getToken()});

client
  .on('close', () => print({fact: 'close', reason: client.lastErrorReason}))
  .on('reconnect attempt', () => print({fact: 'reconnect attempt'}))
  .on('reconnect', () => print({fact: 'reconnect', ...identity()}))
  .on('token.changed', (...args) => print({fact: 'token.changed', args}))
  .on('orcname.changed', (...args) => print({fact: 'orcname.changed', args}))
  .on('commands.registry', (err, info) =>
    print({fact: 'commands.registry', info, size: commands()})
  );

/* The reason of a loss: lastErrorReason is forgotten as soon as both sockets are
 * there again, thus too early when a certificate is rejected.
 */
const onSocketError = (side) => (err) =>
  print({fact: 'socket error', side, reason: `${err?.code || err?.message || err}`});
client._pushSocket.on('error', onSocketError('commander'));
client._subSocket.on('error', onSocketError('notifier'));

const subs = new Map();
let resp = null;

const onEvent = (label) => (msg) =>
  print({fact: 'event', label, topic: msg.topic, msg: describe(msg)});

const subscribe = (events, {label, topic}) => {
  subs.set(label, events.subscribe(topic, onEvent(label)));
  print({fact: 'subscribed', label});
};

const onAnswer = (label) => (err, msg) =>
  err
    ? print({fact: 'error', label, error: describe(err)})
    : print({fact: 'result', label, topic: msg.topic, data: describe(msg.data)});

const fail = ({ms, ...wanted}) => {
  const seen = select({for: wanted.for, label: wanted.label}).slice(-5);
  print({fact: 'failed', ...wanted, seen});
  process.exitCode = 1;
};

const ops = {
  connect: () =>
    client.connect(opt.backend, null, (err, loaded) => {
      if (!err) {
        resp = client.newResponse('interop', client.getOrcName());
      }
      const error = err ? `${err.code || err.message || err}` : null;
      print({fact: 'connected', error, ...identity(), loaded, commands: commands()});
    }),

  send: ({label, cmd, data, orcName, nested = false, context}) =>
    client.command.send(
      cmd,
      revive(data),
      orcName || null,
      label === undefined ? null : onAnswer(label),
      {forceNested: nested},
      context
    ),

  sendAsync({label, cmd, data}) {
    resp.command
      .sendAsync(cmd, revive(data))
      .then((data) => print({fact: 'result', label, data: describe(data)}))
      .catch((err) => print({fact: 'error', label, error: describe(err)}));
  },

  raw: ({cmd, msg}) => client._pushSocket.send(cmd, revive(msg)),

  /* Not awaited: several loads may run at once, each prints its own fact. */
  calls: (args) => void load.calls(client, args),
  count: (args) => load.count(client, args),
  tally: (args) => load.tally(client, args),
  tallied: (args) => load.tallied(args),

  subscribe: (args) => subscribe(client.events, args),

  /* Through a response object: the namespace is added, lines are connected. */
  respSubscribe: (args) => subscribe(resp.events, args),

  respSend: ({topic, data}) =>
    print({fact: 'sent', topic, sent: resp.events.send(topic, revive(data))}),

  unsubscribe({label}) {
    subs.get(label)();
    subs.delete(label);
    print({fact: 'unsubscribed', label});
  },

  unsubscribeAll({topic}) {
    resp.events.unsubscribeAll(topic);
    print({fact: 'unsubscribedAll', topic});
  },

  onReconnect({label}) {
    const onStatus = (status) => print({fact: 'onReconnect', label, status});
    subs.set(label, resp.onReconnect(onStatus));
  },

  state: () =>
    print({
      fact: 'state',
      connected: client.isConnected(),
      serverSide: client.isServerSide(),
      ...identity(),
      nice: client.getNice(),
      commands: commands(),
      time: client.getCommandsRegistryTime(),
      lastErrorReason: client.lastErrorReason,
    }),

  command: ({name}) =>
    print({fact: 'command', name, entry: client.getCommandsRegistry()[name] ?? null}),
  names: () => print({fact: 'names', names: client.getCommandsNames()}),

  abort: ({id}) => client.command.constructor.abort(id),
  abortAll: ({reason}) => client.command.constructor.abortAll(reason),
  destroyPush: () => client.destroyPushSocket(),

  sleep: ({ms}) => new Promise((resolve) => setTimeout(resolve, ms)),

  async wait(wanted) {
    if (!(await waitFor(wanted))) {
      print({fact: 'timeout', for: wanted.for, label: wanted.label});
    }
  },

  async expect(wanted) {
    if (!(await waitFor(wanted))) {
      fail(wanted);
    }
  },

  refuse(wanted) {
    if (select(wanted).length) {
      fail({refused: true, ...wanted});
    }
  },

  stop: () =>
    new Promise((resolve) =>
      client.stop((err) => {
        print({fact: 'stopped', error: err ? `${err}` : null});
        resolve();
      })
    ),

  exit: ({code}) => process.exit(code),
};

const parse = (line) => {
  const {op, ...args} = JSON.parse(line);
  if (!Object.hasOwn(ops, op)) {
    throw new Error(`unknown operation ${op}, expected one of ${Object.keys(ops)}`);
  }
  return {op, args};
};

/* A script that cannot be read is a failure; an operation that throws is a fact. */
const run = async (line) => {
  let it;
  try {
    it = parse(line);
  } catch (err) {
    fail({line, error: err.message});
    return;
  }
  try {
    await ops[it.op](it.args);
  } catch (err) {
    print({fact: 'thrown', op: it.op, error: err?.message || `${err}`});
  }
};

print({fact: 'started', pid: process.pid});

(async () => {
  const input = opt.script ? fs.createReadStream(opt.script) : process.stdin;
  for await (const line of readline.createInterface({input})) {
    if (line.trim() && !line.startsWith('#')) {
      await run(line);
    }
  }
  process.exit();
})();
