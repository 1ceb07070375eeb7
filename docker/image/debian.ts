import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A Debian package as it was unpacked. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** The control file, for scanners that look for installed packages. */
  readonly control: string;
}

/**
 * Fetches packages by Debian's package manager, which checks their signatures, and unpacks each into `into`. Throws where there is no apt.
 */
export function unpackDebianPackages(
  names: readonly string[],
  downloads: string,
  into: string,
): DebianPackage[] {
  execFileSync('apt-get', ['download', '-qq', '-o', 'APT::Sandbox::User=root', ...names], { cwd: downloads });
  const found = readdirSync(downloads)
    .filter((file) => file.endsWith('.deb'))
    .toSorted();
  return found.map((file) => {
    const path = join(downloads, file);
    execFileSync('dpkg-deb', ['--extract', path, into]);
    const field = (name: string): string =>
      execFileSync('dpkg-deb', ['--field', path, name], { encoding: 'utf8' }).trim();
    return {
      name: field('Package'),
      version: field('Version'),
      architecture: field('Architecture'),
      control: execFileSync('dpkg-deb', ['--field', path], { encoding: 'utf8' }),
    };
  });
}
