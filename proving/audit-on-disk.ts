import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../test/instruments/gateway.ts'

export interface DiskRecord {
  readonly seq: number
  readonly type: string
  readonly rid?: string
  readonly req?: { readonly service: string; readonly method: string; readonly path: string }
  readonly outcome?: { readonly error?: string; readonly status: number }
  readonly ev?: Readonly<Record<string, unknown>>
}

/** The segment files of a home, oldest first. */
export function segmentFiles(home: string): string[] {
  const files: string[] = []
  for (const node of readdirSync(join(home, 'audit'))) {
    const folder = join(home, 'audit', node, 'seg')
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) continue
    files.push(
      ...readdirSync(folder)
        .sort()
        .map((name) => join(folder, name)),
    )
  }
  return files
}

/** Every whole record of a home's log, read straight from its files with a parser of our own: none of the product's code. */
export function recordsOf(home: string): DiskRecord[] {
  return segmentFiles(home).flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as DiskRecord),
  )
}

/** How often each path stands in an intent. */
export function intentPaths(home: string): Map<string, number> {
  const paths = new Map<string, number>()
  for (const record of recordsOf(home)) {
    if (record.type !== 'intent' || record.req === undefined) continue
    paths.set(record.req.path, (paths.get(record.req.path) ?? 0) + 1)
  }
  return paths
}

export interface Verdict {
  readonly code: number | null
  readonly output: string
}

/** `claviger audit <command>` on a home whose gateway is down: 0 good, 1 damage proven, 2 cannot decide. */
export function auditCommand(home: string, ...args: string[]): Verdict {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(repository, 'bin', 'claviger.js'), 'audit', ...args],
    { env: { ...process.env, CLAVIGER_HOME: home }, encoding: 'utf8', timeout: 60_000 },
  )
  return { code: status, output: `${stdout}${stderr}` }
}

/** Requests that the upstream saw more often than the log holds intents for them. */
export function forwardsWithoutIntent(home: string, urls: readonly string[]): string[] {
  const intents = intentPaths(home)
  const seen = new Map<string, number>()
  for (const url of urls) {
    const path = url.split('?')[0]!
    seen.set(path, (seen.get(path) ?? 0) + 1)
  }
  return [...seen].filter(([path, times]) => times > (intents.get(path) ?? 0)).map(([path]) => path)
}
