import { execFile } from 'node:child_process'
import { createReadStream, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface LogCheck {
  readonly records: number
  readonly intents: number
  readonly outcomes: number
  /** What `claviger audit verify` said: 0 is that it holds. */
  readonly verifyExit: number
  readonly verifySeconds: number
}

/** Whether the log of a gateway that has ended is whole: verified, and an outcome for every intent. */
export async function checkLog(home: string): Promise<LogCheck> {
  const counts = { records: 0, intents: 0, outcomes: 0 }
  const folder = readdirSync(join(home, 'audit'))[0] ?? ''
  const segments = join(home, 'audit', folder, 'seg')
  for (const name of readdirSync(segments).sort()) await count(join(segments, name), counts)
  const command = join(import.meta.dirname, '..', 'bin', 'claviger.js')
  const began = performance.now()
  const verifyExit = await run(process.execPath, [command, 'audit', 'verify'], {
    env: { ...process.env, CLAVIGER_HOME: home },
  }).then(
    () => 0,
    (error: { code?: number }) => error.code ?? 1,
  )
  return { ...counts, verifyExit, verifySeconds: Number(((performance.now() - began) / 1_000).toFixed(1)) }
}

async function count(file: string, counts: { records: number; intents: number; outcomes: number }): Promise<void> {
  let rest = ''
  for await (const chunk of createReadStream(file, { encoding: 'latin1', highWaterMark: 1 << 20 })) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    counts.records += lines.length
    for (const line of lines) {
      // Both stand at the end of their line, before the group mark: what an agent sent is inside quotes before it.
      if (line.includes(',"type":"intent","v":1')) counts.intents += 1
      else if (line.includes(',"type":"outcome","v":1')) counts.outcomes += 1
    }
  }
}
