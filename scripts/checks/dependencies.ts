// What other people's code may come in (THREATS M-01): few packages, exact versions, checksums, no install scripts.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Finding, Rule } from './rule.ts'
import { root } from './run-tool.ts'

const DIRECT = 27
const TOTAL = 150
const REGISTRY = 'https://registry.npmjs.org/'

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly link?: boolean
  readonly hasInstallScript?: boolean
}

interface Lockfile {
  readonly packages: Readonly<Record<string, Locked>>
}

function findingsIn(manifest: Manifest, lockfile: Lockfile): Finding[] {
  const packages = Object.entries(lockfile.packages).filter(([path]) => path !== '')
  const runtime = packages.filter(([, locked]) => locked.dev !== true)
  const direct = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
  const findings: Finding[] = []
  if (direct.length > DIRECT) findings.push(`${direct.length} direct runtime dependencies; ${DIRECT} are allowed`)
  if (runtime.length > TOTAL) findings.push(`${runtime.length} runtime packages; ${TOTAL} are allowed`)
  const asked = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies }
  for (const [name, version] of Object.entries(asked)) {
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) findings.push(`${name}: '${version}' is not an exact version`)
    const locked = lockfile.packages[`node_modules/${name}`]?.version
    if (locked !== version) findings.push(`${name}: package.json says ${version}, the lockfile ${locked ?? 'nothing'}`)
  }
  for (const [path, locked] of runtime) if (locked.hasInstallScript) findings.push(`${path}: runs an install script`)
  for (const [path, locked] of packages) {
    // Binaries of development tools for platforms that we do not build on may be absent from the registry we locked with.
    const unseen = locked.dev === true && locked.optional === true && locked.integrity === undefined
    if (!unseen && !/^sha512-/.test(locked.integrity ?? '')) findings.push(`${path}: no sha512 in the lockfile`)
    // npm may leave `resolved` out for the registry (omit-lockfile-registry-resolved); anything else is said.
    if (!(locked.resolved ?? REGISTRY).startsWith(REGISTRY)) findings.push(`${path}: not from the npm registry`)
  }
  return findings
}

const violation: { manifest: Manifest; lockfile: Lockfile; findings: number } = {
  manifest: {
    dependencies: { a: '^1.0.0', ...Object.fromEntries(Array.from({ length: 27 }, (_, i) => [`d${i}`, '1.0.0'])) },
  },
  lockfile: {
    packages: {
      'node_modules/a': {
        version: '^1.0.0',
        integrity: 'sha512-x',
        resolved: 'https://registry.npmjs.org/a',
        hasInstallScript: true,
      },
      'node_modules/b': {
        version: '1.0.0',
        integrity: 'sha1-x',
        resolved: 'git+ssh://example/b',
        dev: true,
        hasInstallScript: true,
      },
      ...Object.fromEntries(
        Array.from({ length: 150 }, (_, i) => [
          `node_modules/d${i}`,
          { version: '1.0.0', integrity: 'sha512-x', resolved: 'https://registry.npmjs.org/d' },
        ]),
      ),
    },
  },
  // 21 direct, 151 in all, a range, an install script, a weak checksum, another source.
  findings: 6,
}

export const dependencies: Rule = {
  name: 'dependencies',
  async check() {
    const read = (...path: string[]) => JSON.parse(readFileSync(join(root, ...path), 'utf8'))
    const packages = ['.', 'console'].map((folder) => {
      const lockfile: Lockfile = read(folder, 'package-lock.json')
      const count = Object.keys(lockfile.packages).length - 1
      return { count, findings: findingsIn(read(folder, 'package.json'), lockfile) }
    })
    const count = packages.reduce((sum, one) => sum + one.count, 0)
    return { read: count, unit: 'packages', findings: packages.flatMap(({ findings }) => findings) }
  },
  async planted() {
    const found = findingsIn(violation.manifest, violation.lockfile)
    return found.length === violation.findings
      ? []
      : [`${found.length} findings, not ${violation.findings}: ${found.join('; ')}`]
  },
}
