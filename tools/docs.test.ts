import { deepEqual } from 'node:assert/strict';
import test from 'node:test';
import { deadLinks } from './docs.ts';

test('a link leads to a file and a heading that are there', () => {
  const pages = [
    { path: 'README.md', text: '[a](docs/A.md#life-of-a-page-fault) [b](docs/B.md) [c](https://xenproject.org)\n' },
    { path: 'docs/A.md', text: '## Life of a page fault\n[up](../README.md) [x](#nothing) `[code](gone.md)`\n' },
  ];
  deepEqual(
    deadLinks(pages, (path) => pages.some((page) => page.path === path)),
    [
      'README.md: links to docs/B.md, and there is no docs/B.md',
      'docs/A.md: links to #nothing, and docs/A.md has no such heading',
    ],
  );
});
