'use strict';

/* Boots a real Xcraft great hall with the demo commands and prints one ready
 * line (JSON) on stdout. Everything that the packages log goes to stderr.
 * Each option is a flag (--commander=21000) or a variable (XBUS_COMMANDER).
 */

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const {readOptions} = require('./options.js');

const opt = readOptions({
  host: '127.0.0.1',
  commander: 35400, // first port tried, then +1 while it is busy
  notifier: 35800,
  app: 'xbus', // appId, it is also the routing key
  unix: '', // unix socket identifier (no TCP, no TLS, no gzip)
  key: '', // server key (PEM); with cert, it enables TLS
  cert: '', // server certificate (PEM)
  certs: '', // folder of the accepted client certificates (*.pem), enables mTLS
  timeout: 0, // socket timeout in ms (0 = none)
  keepalive: 15000, // server keep-alive delay
  hold: 0, // ms during which autoconnect is held (acceptIncoming)
  horde: '', // JSON {"<appId>": {host, commanderPort, notifierPort, ...}}
  tribe: 0, // tribe number
  tribes: '', // JSON [{"commanderPort": .., "notifierPort": ..}]
  log: 3, // 0 verb, 1 info, 2 warn, 3 err
  root: '', // folder of the generated configuration, removed at the end
  stdin: false, // shut down when stdin ends
});

const print = (line) => process.stdout.write(JSON.stringify(line) + '\n');
console.log = console.info = console.error;

/* A broken test must be loud: the packages would swallow or end the process. */
process.on('uncaughtException', (err) => {
  process.stderr.write(`uncaught: ${err?.stack || err}\n`);
  print({uncaught: err?.message || `${err}`});
});

/* The terminal or the parent is gone: end as after SIGTERM, but only once. */
const terminate = () => {
  if (!terminate.begun) {
    terminate.begun = true;
    process.kill(process.pid, 'SIGTERM');
  }
};
process.on('SIGHUP', terminate);
process.stdout.on('error', terminate); // else the failure to print would be printed
if (opt.stdin) {
  process.stdin.on('end', terminate).resume();
  process.stdin.unref?.(); // an open stdin must not keep a stopped server alive
}

const root = opt.root || fs.mkdtempSync(path.join(os.tmpdir(), 'xbus-greathall-'));
fs.mkdirSync(root, {recursive: true});
process.on('exit', () => fs.rmSync(root, {recursive: true, force: true}));
if (Number(opt.tribe)) {
  process.argv.push(`--tribe=${opt.tribe}`);
}
process.env.XCRAFT_APP_CONFIG_PATH = root;
process.env.XCRAFT_LOG = `${opt.log}`;
process.env.GOBLINS_APP = opt.app;

const absolute = (file) => (file ? path.resolve(file) : '');
const horde = opt.horde ? JSON.parse(opt.horde) : null;

require('xcraft-server/lib/init-env.js')(root, __dirname, null, {
  'xcraft-core-bus': {
    host: opt.host,
    commanderPort: `${opt.commander}`,
    notifierPort: `${opt.notifier}`,
    timeout: Number(opt.timeout),
    serverKeepAlive: Number(opt.keepalive),
    noTLS: !opt.key,
    unixSocketId: opt.unix,
    acceptIncoming: !Number(opt.hold),
    keyPath: absolute(opt.key),
    certPath: absolute(opt.cert),
    tribes: opt.tribes ? JSON.parse(opt.tribes) : [],
  },
  'xcraft-core-transport': {
    requestClientCert: !!opt.certs,
    certsPath: opt.certs ? absolute(opt.certs) : path.join(root, 'var/certs'),
    keysPath: path.join(root, 'var/keys'),
  },
  'xcraft-core-horde': {
    hordes: horde ? Object.keys(horde) : [],
    topology: horde ? JSON.stringify(horde) : '',
  },
  'xcraft-core-server': {
    userModulesPath: path.join(__dirname, 'modules'),
    userModulesFilter: '^xbus-',
  },
});

const readyLine = () => {
  const bus = require('xcraft-core-bus');
  const commanderPort = bus.getCommander().ports[0];
  const notifierPort = bus.getNotifier().ports[0];
  const secure = !!opt.key && !opt.unix;
  return {
    ready: true,
    pid: process.pid,
    host: opt.host,
    commanderPort,
    notifierPort,
    commanderSocket: opt.unix ? `/tmp/${opt.unix}${commanderPort}-cmd.sock` : null,
    notifierSocket: opt.unix ? `/tmp/${opt.unix}${notifierPort}-evt.sock` : null,
    unixSocketId: opt.unix || null,
    tls: secure,
    mtls: secure && !!opt.certs,
    appId: opt.app,
    token: bus.getToken(),
  };
};

/* What xcraft-core-host does in a complete application. */
const followLines = () =>
  require('xcraft-core-busclient')
    .getGlobal()
    .events.subscribe('*::warehouse.lines-updated', ({data, _xcraftHorde}) =>
      require('xcraft-core-transport').Router.updateLines(
        data.lines,
        data.token,
        data.generation,
        _xcraftHorde
      )
    );

/* The folder of accepted certificates is read by a watcher, some time after the
 * ports are open: a client that comes before would be rejected.
 */
const certificatesLoaded = async () => {
  const bus = require('xcraft-core-bus');
  const files = fs.readdirSync(opt.certs).filter((file) => file.endsWith('.pem'));
  const loaded = (router) => router._backends.get('axon')._tlsOptions.ca.length;
  const missing = () =>
    [bus.getCommander(), bus.getNotifier()].some((it) => loaded(it) < files.length);
  while (missing()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const joinHordes = () =>
  new Promise((resolve) => {
    const busClient = require('xcraft-core-busclient').getGlobal();
    const resp = busClient.newResponse('interop', 'token');
    require('xcraft-core-horde').autoload(resp, (err) => {
      if (err) {
        process.stderr.write(`horde: ${err.stack || err}\n`);
      }
      resolve();
    });
  });

const server = require('xcraft-server/lib/server.js')(root, __dirname, null, true);

server.start(async (err) => {
  if (err) {
    print({ready: false, error: err.message || `${err}`});
    process.exit(1);
  }
  followLines();
  if (Number(opt.hold)) {
    setTimeout(() => require('xcraft-core-bus').acceptIncoming(), Number(opt.hold));
  }
  if (opt.certs && opt.key && !opt.unix) {
    await certificatesLoaded();
  }
  if (horde) {
    await joinHordes();
  }
  print(readyLine());
});
