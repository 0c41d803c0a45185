import { deepEqual, equal, throws } from 'node:assert/strict';
import test from 'node:test';
import { parsePackage, pinnedDependency } from './packages.ts';

const RECORD = `Package: linux-image-cloud-amd64
Source: linux-signed-amd64 (6.1.192+2)
Version: 6.1.192-2
Depends: linux-base (>= 4.3), linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)
Description-en: Linux for x86-64 cloud (meta-package)
 Depends: nothing here
`;

test('a record of apt-cache show gives name, version and dependencies', () => {
  const found = parsePackage(RECORD);
  equal(found?.version, '6.1.192-2');
  deepEqual(found?.depends, ['linux-base (>= 4.3)', 'linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)']);
  equal(parsePackage(''), undefined);
});

test('a meta-package leads to the kernel of exactly its version', () => {
  const found = { name: 'linux-image-cloud-amd64', version: '1', depends: parsePackage(RECORD)?.depends ?? [] };
  equal(pinnedDependency(found, 'linux-image-'), 'linux-image-6.1.0-56-cloud-amd64');
  throws(() => pinnedDependency({ ...found, depends: ['linux-image-x (>= 1)'] }, 'linux-image-'), {
    code: 'GUEST_NO_PACKAGE',
  });
});
