import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { MachineLog } from './machine-log.ts';

function logTo(lines: string[], alarms: string[] = []): MachineLog {
  return new MachineLog(
    (line) => lines.push(line),
    (line) => alarms.push(line),
  );
}

test('a domain that faulted is described by what Xen said, from before the fault on', () => {
  const log = logTo([]);
  const said = [
    '(XEN) sched_op SCHEDOP_42, by d1 is not supported: ENOSYS',
    '(XEN) d1v0 Triple fault - ...',
    '(XEN) RIP',
  ];
  for (const line of said) log.xen(line);
  equal(log.describe(1), said.join('\n'));
  equal(log.describe(11), undefined, 'another domain did not fault');
  equal(log.describe(2), undefined);
});

test('a domain that just ended needs no description', () => {
  const log = logTo([]);
  log.xen('(XEN) d1v0: upcall vector f3');
  equal(log.describe(1), undefined);
});

test('what was said of an earlier domain is forgotten', () => {
  const log = logTo([]);
  log.xen('(XEN) Domain 1 crashed: a reason');
  log.forget();
  log.xen('(XEN) Domain 2 crashed: another');
  equal(log.describe(2), '(XEN) Domain 2 crashed: another');
});

test('everything goes to the log; a service that failed alarms as well', () => {
  const lines: string[] = [];
  const alarms: string[] = [];
  const log = logTo(lines, alarms);
  log.daemon('xenstored')('a quota is crossed');
  log.xen('(XEN) hello');
  log.xen('(XEN) dom0: TypeError: undefined is no function');
  deepEqual(lines, ['xenstored: a quota is crossed', '(XEN) hello', '(XEN) dom0: TypeError: undefined is no function']);
  deepEqual(alarms, ['(XEN) dom0: TypeError: undefined is no function']);
});

test('what Xen is asked to say is told, and explains nothing later', () => {
  const log = logTo([]);
  equal(
    log.capture(() => log.xen('(XEN) RIP')),
    '(XEN) RIP',
  );
  equal(
    log.capture(() => {}),
    undefined,
  );
  log.xen('(XEN) Domain 1 crashed: why');
  equal(log.describe(1), '(XEN) Domain 1 crashed: why');
});
