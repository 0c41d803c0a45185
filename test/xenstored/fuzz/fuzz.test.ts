import { test } from 'node:test';
import { fuzzFrames } from './campaign.ts';
import { fuzzConfigs } from './configs.ts';

const seed = Date.now() % 1_000_000;

test(`malformed frames upset nobody but who sends them (seed ${seed})`, () => fuzzFrames(4_000, seed));

test(`nearly xl.cfg is taken or refused with a reason (seed ${seed})`, () => fuzzConfigs(2_000, seed));
