import { transcript } from '../testing/transcript.ts';

// docs/misc/xenstore.txt, "Database read, write and permissions operations"

transcript('READ gives the value as it was written, octet by octet', [
  ['dom0', 'WRITE /a|hello', 'OK'],
  ['dom0', 'READ /a|', 'hello'],
  ['dom0', 'WRITE /a|one|two|\xff', 'OK'],
  ['dom0', 'READ /a|', 'one|two|\xff'],
  ['dom0', 'WRITE /a|', 'OK'],
  ['dom0', 'READ /a|', ''],
  ['dom0', 'READ /b|', 'ENOENT'],
]);

transcript('WRITE makes the parents it lacks, with empty values', [
  ['dom0', 'WRITE /a/b/c|x', 'OK'],
  ['dom0', 'READ /a/b|', ''],
  ['dom0', 'DIRECTORY /a|', 'b|'],
  ['dom0', 'DIRECTORY /a/b|', 'c|'],
  ['dom0', 'DIRECTORY /a/b/c|', ''],
]);

transcript('the store starts with /tool/xenstored and nothing else', [
  ['dom0', 'DIRECTORY /|', 'tool|'],
  ['dom0', 'DIRECTORY /tool|', 'xenstored|'],
  ['dom0', 'GET_PERMS /|', 'n0|'],
]);

transcript('MKDIR leaves a node that is there as it is', [
  ['dom0', 'MKDIR /a/b|', 'OK'],
  ['dom0', 'READ /a/b|', ''],
  ['dom0', 'WRITE /a/b|x', 'OK'],
  ['dom0', 'MKDIR /a/b|', 'OK'],
  ['dom0', 'READ /a/b|', 'x'],
]);

transcript('RM takes everything below away; a missing node is no error, a missing parent is', [
  ['dom0', 'WRITE /a/b/c|x', 'OK'],
  ['dom0', 'WRITE /a/d|y', 'OK'],
  ['dom0', 'RM /a/b|', 'OK'],
  ['dom0', 'READ /a/b/c|', 'ENOENT'],
  ['dom0', 'DIRECTORY /a|', 'd|'],
  ['dom0', 'RM /a/b|', 'OK'],
  ['dom0', 'RM /a/b/c|', 'ENOENT'],
  ['dom0', 'RM /|', 'EINVAL'],
]);

transcript('DIRECTORY lists children in the order they were made', [
  ['dom0', 'WRITE /a/z|', 'OK'],
  ['dom0', 'WRITE /a/m|', 'OK'],
  ['dom0', 'WRITE /a/a|', 'OK'],
  ['dom0', 'RM /a/z|', 'OK'],
  ['dom0', 'WRITE /a/z|', 'OK'],
  ['dom0', 'DIRECTORY /a|', 'm|a|z|'],
]);

transcript('a relative path starts from the home of the domain, and from dom0’s for a process of dom0', [
  ['dom0', 'WRITE /local/domain/1|', 'OK'],
  ['dom0', 'SET_PERMS /local/domain/1|n1|', 'OK'],
  ['dom1', 'WRITE name|guest', 'OK'],
  ['dom0', 'READ /local/domain/1/name|', 'guest'],
  ['dom0', 'WRITE name|Domain-0', 'OK'],
  ['dom0', 'READ /local/domain/0/name|', 'Domain-0'],
  ['dom2', 'GET_DOMAIN_PATH 1|', '/local/domain/1|'],
]);

transcript('what is no path is EINVAL', [
  ['dom0', 'READ /a//b|', 'EINVAL'],
  ['dom0', 'READ /a/|', 'EINVAL'],
  ['dom0', 'READ |', 'EINVAL'],
  ['dom0', 'READ /a b|', 'EINVAL'],
  ['dom0', 'READ /\xe4|', 'EINVAL'],
  ['dom0', 'READ @introduceDomain|', 'EINVAL'],
  ['dom0', `WRITE /${'x'.repeat(2047)}|`, 'OK'],
  ['dom0', `WRITE /${'x'.repeat(2048)}|`, 'EINVAL'],
  ['dom0', `MKDIR /local/domain/12345/${'x'.repeat(2048)}|`, 'OK'],
]);

transcript('a request that lacks its NULs is EINVAL, not more', [
  ['dom0', 'READ /a', 'EINVAL'],
  ['dom0', 'READ', 'EINVAL'],
  ['dom0', 'READ /a|b|', 'EINVAL'],
  ['dom0', 'WRITE /a', 'EINVAL'],
  ['dom0', 'MKDIR', 'EINVAL'],
  ['dom0', 'RM', 'EINVAL'],
  ['dom0', 'DIRECTORY_PART /a|', 'EINVAL'],
  ['dom0', 'SET_PERMS /a|', 'EINVAL'],
  ['dom0', 'WATCH /a|', 'EINVAL'],
  ['dom0', 'TRANSACTION_END', 'EINVAL'],
  ['dom0', 'INTRODUCE 3|0|', 'EINVAL'],
  ['dom0', 'RELEASE', 'EINVAL'],
  ['dom0', 'GET_DOMAIN_PATH x|', 'EINVAL'],
  ['dom0', 'CONTROL', 'EINVAL'],
]);
