import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, transcript } from '../testing/transcript.ts';

// docs/misc/xenstore.txt, "Permissions", GET_PERMS and SET_PERMS

transcript('a domain may not read what it was not given', [
  ['dom0', 'WRITE /a/b|hello', 'OK'],
  ['dom1', 'READ /a/b|', 'EACCES'],
  ['dom0', 'SET_PERMS /a/b|n0|r1|', 'OK'],
  ['dom1', 'READ /a/b|', 'hello'],
  ['dom1', 'WRITE /a/b|x', 'EACCES'],
  ['dom2', 'READ /a/b|', 'EACCES'],
  ['dom0', 'GET_PERMS /a/b|', 'n0|r1|'],
]);

transcript('the first entry names the owner, and what it grants is for everybody without an entry', [
  ['dom0', 'WRITE /a|x', 'OK'],
  ['dom0', 'SET_PERMS /a|r1|b2|', 'OK'],
  ['dom1', 'WRITE /a|y', 'OK'],
  ['dom2', 'WRITE /a|z', 'OK'],
  ['dom0', 'SET_PERMS /a|r1|', 'OK'],
  ['dom2', 'READ /a|', 'z'],
  ['dom2', 'WRITE /a|w', 'EACCES'],
]);

transcript('an error tells no more than a client may know: ENOENT only where the parent grants what was asked for', [
  ['dom0', 'WRITE /a|', 'OK'],
  ['dom1', 'READ /a/missing|', 'EACCES'],
  ['dom0', 'SET_PERMS /a|n0|r1|', 'OK'],
  ['dom1', 'READ /a/missing|', 'ENOENT'],
  ['dom1', 'WRITE /a/missing|', 'EACCES'],
]);

transcript('a new node inherits its parent’s permissions, and a domain owns what it makes', [
  ['dom0', 'WRITE /a|', 'OK'],
  ['dom0', 'SET_PERMS /a|n0|b1|r2|', 'OK'],
  ['dom0', 'WRITE /a/by0|', 'OK'],
  ['dom0', 'GET_PERMS /a/by0|', 'n0|b1|r2|'],
  ['dom1', 'WRITE /a/by1/deep|x', 'OK'],
  ['dom0', 'GET_PERMS /a/by1|', 'n1|b1|r2|'],
  ['dom0', 'GET_PERMS /a/by1/deep|', 'n1|b1|r2|'],
  ['dom2', 'READ /a/by1/deep|', 'x'],
]);

transcript('only the owner sets permissions, and only dom0 makes somebody else the owner', [
  ['dom0', 'WRITE /a|', 'OK'],
  ['dom0', 'SET_PERMS /a|n0|b1|', 'OK'],
  ['dom1', 'SET_PERMS /a|b1|', 'EACCES'],
  ['dom0', 'SET_PERMS /a|n1|', 'OK'],
  ['dom1', 'SET_PERMS /a|n1|r2|', 'OK'],
  ['dom1', 'SET_PERMS /a|n2|', 'EPERM'],
  ['dom0', 'SET_PERMS /a|n2|', 'OK'],
  ['dom1', 'READ /a|', 'EACCES'],
]);

transcript('what is no permission is EINVAL, and an owner that does not exist is ENOENT', [
  ['dom0', 'WRITE /a|', 'OK'],
  ['dom0', 'SET_PERMS /a|x1|', 'EINVAL'],
  ['dom0', 'SET_PERMS /a|n|', 'EINVAL'],
  ['dom0', 'SET_PERMS /a|n1x|', 'EINVAL'],
  ['dom0', 'SET_PERMS /a|n77|', 'ENOENT'],
  ['dom0', 'SET_PERMS /a|n0|r77|', 'OK'],
  ['dom0', 'SET_PERMS /a|n0x1|', 'OK'],
  ['dom0', 'GET_PERMS /a|', 'n1|'],
]);

transcript('a stub domain has the rights of its target (SET_TARGET)', [
  ['dom0', 'WRITE /a|x', 'OK'],
  ['dom0', 'SET_PERMS /a|n1|', 'OK'],
  ['dom2', 'READ /a|', 'EACCES'],
  ['dom0', 'SET_TARGET 2|1|', 'OK'],
  ['dom2', 'WRITE /a|y', 'OK'],
  ['dom2', 'SET_PERMS /a|n1|r2|', 'OK'],
]);

transcript('requests about domains are for dom0', [
  ['dom1', 'INTRODUCE 3|0|1|', 'EACCES'],
  ['dom1', 'RELEASE 2|', 'EACCES'],
  ['dom1', 'RESUME 2|', 'EACCES'],
  ['dom1', 'SET_TARGET 1|2|', 'EACCES'],
  ['dom1', 'IS_DOMAIN_INTRODUCED 1|', 'EACCES'],
  ['dom1', 'CONTROL quota|', 'EACCES'],
]);

test('a permission ends with the domain it names: a later domain of that number does not inherit it', async () => {
  const bench = new Bench();
  bench.introduce(1);
  await bench.run([
    ['dom0', 'WRITE /a|secret', 'OK'],
    ['dom0', 'SET_PERMS /a|n0|r1|', 'OK'],
    ['dom1', 'READ /a|', 'secret'],
    ['dom0', 'RELEASE 1|', 'OK'],
  ]);
  bench.xen.guests.clear();
  bench.introduce(1);
  await bench.run([
    ['dom1', 'READ /a|', 'EACCES'],
    ['dom0', 'SET_PERMS /a|n0|r1|', 'OK'],
    ['dom1', 'READ /a|', 'secret'],
  ]);
});

test('a permission may be given before the domain is introduced, as the toolstack does', async () => {
  const bench = new Bench();
  const ring = bench.addGuest(1);
  await bench.run([
    ['dom0', 'WRITE /a|x', 'OK'],
    ['dom0', 'SET_PERMS /a|n0|r1|', 'OK'],
    ['dom0', 'INTRODUCE 1|0|3|', 'OK'],
    ['dom1', 'READ /a|', 'x'],
  ]);
  equal(ring.received.length, 0);
});
