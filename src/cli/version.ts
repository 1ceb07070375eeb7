import { readFileSync } from 'node:fs';

/** Version in package.json. src/main.ts and dist/main.js both stand one folder below it. */
export function versionOf(entry: URL): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', entry), 'utf8')) as {
    version: string;
  };
  return version;
}
