import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EACCES, EDOM, EFAULT, EINVAL, ENOBUFS, ENOENT, ENOSPC, EOPNOTSUPP, EPERM } from '../../abi/errno.ts';
import {
  XEN_HYPFS_OP_get_version,
  XEN_HYPFS_OP_read,
  XEN_HYPFS_OP_write_contents,
  XEN_HYPFS_TYPE_DIR,
  XEN_HYPFS_TYPE_STRING,
  XEN_HYPFS_TYPE_UINT,
  XenHypfsDirentry,
  XenHypfsDirlistentry,
} from '../../abi/hypfs.ts';
import { __HYPERVISOR_hypfs_op } from '../../abi/xen.ts';
import { TestMachine } from '../testing/test-machine.ts';

const PATH = 0x2000;
const BUFFER = 0x3000;
const ROOM = 4000;

function files() {
  const machine = new TestMachine();
  const control = machine.domain({ privileged: true });
  const put = (at: number, text: string) => {
    for (let index = 0; index < text.length; index++) control.view(at).setUint8(index, text.charCodeAt(index));
    return text.length;
  };
  const call = (op: number, path: string, room: number) =>
    control.hypercall(__HYPERVISOR_hypfs_op, [op, PATH, put(PATH, `${path}\0`), BUFFER, room]);
  const read = (path: string, room = ROOM) => {
    const result = call(XEN_HYPFS_OP_read, path, room);
    const entry = new XenHypfsDirentry(control.view(BUFFER), 0);
    const bytes = control.bytes(BUFFER + XenHypfsDirentry.SIZE, result === 0 ? entry.content_len : 0);
    return { result, type: entry.type, bytes, writable: entry.max_write_len };
  };
  const write = (path: string, text: string) => call(XEN_HYPFS_OP_write_contents, path, put(BUFFER, text));
  return { machine, control, read, write, put };
}

function names(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const name = bytes.subarray(at + XenHypfsDirlistentry.AT_name);
    found.push(String.fromCharCode(...name.subarray(0, name.indexOf(0))));
    const next = new XenHypfsDirlistentry(view, at).off_next;
    if (next === 0) break;
    at += next;
  }
  return found;
}

test('the tree is that of Xen 4.17, by name', () => {
  const { read } = files();
  deepEqual(names(read('/').bytes), ['buildinfo', 'cpupool', 'params']);
  deepEqual(names(read('/buildinfo').bytes), ['changeset', 'compileinfo', 'config', 'version']);
  deepEqual(names(read('/buildinfo/version').bytes), ['extra', 'major', 'minor']);
  deepEqual(names(read('/cpupool').bytes), ['0']);
  equal(read('/buildinfo/version').type, XEN_HYPFS_TYPE_DIR);
  const major = read('/buildinfo/version/major');
  deepEqual([major.type, ...major.bytes], [XEN_HYPFS_TYPE_UINT, 4, 0, 0, 0]);
  const granularity = read('/cpupool/0/sched-gran');
  deepEqual([granularity.type, String.fromCharCode(...granularity.bytes)], [XEN_HYPFS_TYPE_STRING, 'cpu\0']);
});

test('without room for the contents their size is told all the same', () => {
  const { read, control } = files();
  equal(read('/buildinfo', 4).result, -EINVAL, 'not even for what it is');
  equal(read('/buildinfo', 12).result, -ENOBUFS);
  equal(new XenHypfsDirentry(control.view(BUFFER), 0).content_len > 40, true);
});

test('a parameter that changes something is written as text, and holds for domains made later', () => {
  const { machine, read, write } = files();
  equal(read('/params/gnttab_max_frames').writable, 128);
  equal(write('/params/gnttab_max_frames', '7\0'), 0);
  equal(machine.xen.limits.maxGrantFrames, 7);
  equal(String.fromCharCode(...read('/params/gnttab_max_frames').bytes), '7\0');
  equal(write('/params/gnttab_max_frames', 'many\0'), -EINVAL);
  equal(write('/params/gnttab_max_frames', '7'), -EDOM, 'a text ends with a zero byte');
  equal(write('/params/gnttab_max_frames', `${'7'.repeat(200)}\0`), -ENOSPC);
  equal(write('/buildinfo/changeset', 'x\0'), -EACCES);
  equal(write('/buildinfo', 'x\0'), -EACCES);
});

test('bad paths, bad pointers, unknown operations', () => {
  const { control, machine, read, put } = files();
  equal(read('buildinfo').result, -EINVAL);
  equal(read('/nothing').result, -ENOENT);
  equal(read('/buildinfo/changeset/more').result, -ENOENT);
  const call = (...args: number[]) => control.hypercall(__HYPERVISOR_hypfs_op, args);
  equal(call(XEN_HYPFS_OP_read, PATH, 2000, BUFFER, ROOM), -EINVAL, 'longer than a path can be');
  put(PATH, '/abc');
  equal(call(XEN_HYPFS_OP_read, PATH, 4, BUFFER, ROOM), -EINVAL, 'no end');
  equal(call(XEN_HYPFS_OP_read, 0xdead0000, 4, BUFFER, ROOM), -EFAULT);
  put(PATH, '/\0');
  equal(call(99, PATH, 2, BUFFER, ROOM), -EOPNOTSUPP);
  equal(call(XEN_HYPFS_OP_get_version), 1);
  equal(call(XEN_HYPFS_OP_get_version, 1), -EINVAL);
  equal(machine.domain().hypercall(__HYPERVISOR_hypfs_op, [XEN_HYPFS_OP_get_version]), -EPERM);
});
