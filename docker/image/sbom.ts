import { execFileSync } from 'node:child_process';
import type { DebianPackage } from './debian.ts';

/**
 * What the image is made of, as CycloneDX: npm's own list of the packages that are installed for production, the packages of Debian, and
 * Node. Without what changes from one run to the next.
 */
export function billOfMaterials(
  root: string,
  debian: readonly DebianPackage[],
  node: string,
  timestamp: string,
): string {
  const text = execFileSync('npm', ['sbom', '--omit', 'dev', '--sbom-format', 'cyclonedx'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const { serialNumber: _, ...bom } = JSON.parse(text) as {
    serialNumber: string;
    metadata: object;
    components: object[];
    dependencies: object[];
  };
  const distribution = 'debian';
  return `${JSON.stringify(
    {
      ...bom,
      metadata: { ...bom.metadata, timestamp },
      components: [
        ...bom.components,
        {
          'bom-ref': `node@${node}`,
          type: 'platform',
          name: 'node',
          version: node,
          purl: `pkg:generic/node@${node}`,
        },
        ...debian.map(({ name, version, architecture }) => ({
          'bom-ref': `deb/${name}@${version}`,
          type: 'library',
          name,
          version,
          purl: `pkg:deb/${distribution}/${name}@${encodeURIComponent(version)}?arch=${architecture}`,
        })),
      ],
    },
    undefined,
    2,
  )}\n`;
}
