'use strict';

/* Look at the server, and provoke what a client must survive. */

const zlib = require('node:zlib');

const bus = () => require('xcraft-core-bus');
const router = () => require('xcraft-core-transport').Router;
const backend = (side) =>
  (side === 'commander' ? bus().getCommander() : bus().getNotifier())._backends.get('axon');

/* The sockets of the notifier are known by the port (or inode) of the route. */
const eventSocket = ({port}) => {
  const axon = backend('notifier');
  return axon._sock.socks.find(
    (sock) => sock.remotePort === port || (axon.isUnixSocket && axon._getInode(sock) === port)
  );
};

module.exports = (add) => {
  add('arp', {desc: 'snapshot of the ARP table'}, ({done}) => {
    const res = {};
    for (const [name, orcNames] of Object.entries(router().getARP())) {
      res[name] = {};
      for (const [orcName, {socket, ...entry}] of Object.entries(orcNames)) {
        const {remotePort, destroyed} = socket ?? {};
        res[name][orcName] = {...entry, remotePort, destroyed};
      }
    }
    done(res);
  });

  add('sockets', {desc: 'open sockets of both sides'}, ({done}) => {
    const list = (side) =>
      backend(side)._sock.socks.map(({remotePort, bytesRead, bytesWritten, writableLength}) => ({
        remotePort,
        bytesRead,
        bytesWritten,
        writableLength,
      }));
    done({commander: list('commander'), notifier: list('notifier')});
  });

  add('authorities', {desc: 'number of accepted certificates of both sides'}, ({done}) => {
    const count = (side) => backend(side)._tlsOptions.ca?.length ?? 0;
    done({commander: count('commander'), notifier: count('notifier')});
  });

  add('usage', {desc: 'CPU time in microseconds and memory in bytes of the process'}, ({done}) => {
    const {user, system} = process.cpuUsage();
    const {rss, heapUsed} = process.memoryUsage();
    done({user, system, rss, heapUsed, uptime: process.uptime()});
  });

  /* data.side: commander or notifier; data.orcName: the caller by default. */
  add('kick', {desc: 'destroy a socket of an orc after data.ms'}, ({msg, data, done}) => {
    const {side = 'commander', orcName = msg.orcName, ms = 50} = data;
    const entry = router().getARP().axon[orcName];
    done({found: !!entry});
    if (entry) {
      const socket = () => (side === 'commander' ? entry.socket : eventSocket(entry));
      setTimeout(() => socket()?.destroy(), ms);
    }
  });

  /* As they are with data.plain, else as a gzip member where the transport has
   * them: what a broken server would send to the event socket of the caller.
   */
  add('inject', {desc: 'write the bytes data.hex to the event socket'}, ({msg, data, done}) => {
    const {hex, plain = false, orcName = msg.orcName} = data;
    const entry = router().getARP().axon[orcName];
    const socket = entry && eventSocket(entry);
    const bytes = Buffer.from(hex, 'hex');
    const gzip = !plain && !backend('notifier').isUnixSocket;
    done({found: !!socket});
    socket?.write(gzip ? zlib.gzipSync(bytes) : bytes);
  });

  add('block', {desc: 'keep the whole process busy for data.ms'}, ({data, done}) => {
    const until = performance.now() + (data.ms ?? 1000);
    while (performance.now() < until);
    done();
  });

  add('notify', {desc: 'send a greathall::bus.* notification (data.what)'}, ({data, done}) => {
    const {what, args = []} = data;
    const api = {
      registry: () => bus().notifyCmdsRegistry(),
      token: () => bus().notifyTokenChanged(...args),
      orcname: () => bus().notifyOrcnameChanged(...args),
      reconnect: () => bus().notifyReconnect(...args),
    };
    api[what]();
    done();
  });

  add('register', {desc: 'register the command data.name at run time'}, ({data, done}) => {
    const {name, rankingPredictions, params = {}} = data;
    bus()
      .getCommander()
      .registerCommandHandler(
        name,
        'modules/xbus-demo/demo.js',
        {name: 'xbus-demo', version: '1.0.0', hot: false},
        {
          desc: 'dynamic',
          options: {params},
          activity: true,
          parallel: true,
          registrar: 'xcraft-core-bus',
          questOptions: rankingPredictions ? {rankingPredictions} : {},
        },
        (msg, resp) => resp.events.send(`${name}.${msg.id}.finished`, 'dynamic')
      );
    bus().notifyCmdsRegistry();
    done();
  });

  add('exit', {desc: 'abrupt end of the process (no gameover)'}, ({data, done}) => {
    done();
    setTimeout(() => process.exit(data.code ?? 0), data.ms ?? 50);
  });
};
