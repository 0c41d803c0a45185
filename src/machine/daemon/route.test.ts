import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { route } from './route.ts';

const cases: readonly (readonly [line: string, where: string, home?: string])[] = [
  ['', 'here'],
  ['help list', 'here'],
  ['completion bash', 'here'],
  ['list', 'host'],
  ['-v list', 'host'],
  ['list -h', 'here'],
  ['create guest.cfg', 'host'],
  ['create -c guest.cfg', 'host'],
  ['create -F guest.cfg', 'here'],
  ['create -cF guest.cfg', 'here'],
  ['create -F guest.cfg', 'host', '/somewhere'],
  ['create -n guest.cfg', 'here', '/somewhere'],
  ['create --dryrun guest.cfg', 'here'],
  ['-N create guest.cfg', 'here'],
  ['create -f Fancy.cfg', 'host'],
  ['create -fFancy.cfg', 'host'],
  ['create guest.cfg -- -F', 'host'],
  ['cr -F guest.cfg', 'here'],
  ['c -F guest.cfg', 'host'],
  ['host start -F', 'start'],
  ['host stop', 'host'],
];
for (const [line, where, home] of cases) {
  test(`xl ${line}${home === undefined ? '' : ' with XENOLITH_HOME'}: ${where}`, () => {
    equal(route(line.split(' ').filter(Boolean), { XENOLITH_HOME: home }), where);
  });
}
