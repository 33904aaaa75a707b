'use strict';

/* Reads --name=value, --name value or --flag; else the variable XBUS_NAME; else
 * the default. An option that is not among the defaults is an error.
 */
exports.readOptions = (defaults, argv = process.argv.slice(2)) => {
  const options = {};
  for (const [name, value] of Object.entries(defaults)) {
    options[name] = process.env[`XBUS_${name.toUpperCase()}`] ?? value;
  }
  for (let i = 0; i < argv.length; ++i) {
    const m = /^--([a-z]+)(?:=([^]*))?$/.exec(argv[i]);
    if (!m || !(m[1] in defaults)) {
      const names = Object.keys(defaults).map((name) => `--${name}`);
      throw new Error(`unknown option ${argv[i]}, expected one of ${names.join(' ')}`);
    }
    const [, name, value] = m;
    if (value !== undefined) {
      options[name] = value;
    } else if (typeof defaults[name] === 'boolean') {
      options[name] = true;
    } else {
      options[name] = argv[++i];
    }
  }
  for (const [name, value] of Object.entries(defaults)) {
    if (typeof value === 'boolean') {
      options[name] = /^(true|1|yes)$/.test(`${options[name]}`);
    }
  }
  /* xcraft-core-host reads process.argv by itself: it must not see ours. */
  process.argv.length = 2;
  return options;
};
