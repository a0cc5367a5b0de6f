// What the tests of this room share: a log in a temporary directory, keys that never change, and a call.
import { createSecretKey } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ed25519FromSeed } from '../crypto/ed25519.ts'
import { systemClock } from '../ground/clock.ts'
import { type AuditOptions, createAudit, type OpenedAudit } from './audit.ts'
import { formatVkey, verifierOf } from './checkpoint.ts'
import type { AuditKeys, IntentRecord } from './contract.ts'
import { segmentPath } from './log-paths.ts'
import { type Disk, kernelDisk } from './segment-file.ts'

/** `PROVING=1` runs the full counts. */
export const proving = process.env.PROVING === '1'

export const installId = Buffer.alloc(16, 1)
export const origin = 'gw.example.com/audit/n1'
export const keys: AuditKeys = {
  auditTail: { version: 1, key: createSecretKey(Buffer.alloc(32, 1)) },
  auditRedact: { version: 1, key: createSecretKey(Buffer.alloc(32, 2)) },
  logKey: ed25519FromSeed(Buffer.alloc(32, 3)),
}
export const vkey = formatVkey(verifierOf(origin, keys.logKey.publicKey))

export class TestLog implements AsyncDisposable {
  readonly root: string
  readonly dir: string
  /** Exit codes that the log asked for. */
  readonly fatal: number[] = []
  readonly trouble: string[] = []
  #audit: OpenedAudit | undefined
  #boots = 0

  constructor(root = mkdtempSync(join(tmpdir(), 'claviger-audit-'))) {
    this.root = root
    this.dir = join(root, 'n1')
  }

  /** For small logs that are opened hundreds of times: a sync in memory costs nothing. */
  static inMemory(): TestLog {
    const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
    return new TestLog(mkdtempSync(join(memory, 'claviger-audit-')))
  }

  get audit(): OpenedAudit {
    if (this.#audit === undefined) throw new TypeError('the log is not open')
    return this.#audit
  }

  async open(options: Partial<AuditOptions> = {}): Promise<OpenedAudit> {
    this.#boots += 1
    this.#audit = await createAudit({
      dir: this.root,
      nodeId: 'n1',
      installId,
      origin,
      bootId: `b${this.#boots}${Math.random().toString(36).slice(2, 6)}`,
      version: '0.1.0',
      clock: systemClock,
      epoch: () => 7,
      reserveBytes: 4_096,
      onFatal: (code) => this.fatal.push(code),
      onTrouble: (what, error) => this.trouble.push(`${what}: ${error}`),
      ...options,
    })
    return this.#audit
  }

  /** Opens the log and brings the keys; what keysArrived says must be good. */
  async unsealed(options: Partial<AuditOptions> = {}): Promise<OpenedAudit> {
    const audit = await this.open(options)
    const verdict = await audit.keysArrived(keys)
    if (!verdict.ok) throw new Error(verdict.detail)
    return audit
  }

  segment(number = 0): string {
    return segmentPath(this.dir, number)
  }

  lines(number = 0): string[] {
    return readFileSync(this.segment(number), 'utf8').split('\n').slice(0, -1)
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look at members of many types
  records(number = 0): Record<string, any>[] {
    return this.lines(number).map((line) => JSON.parse(line))
  }

  /** The same files elsewhere, as a copy or after a crash: nothing is closed. */
  copy(copy = new TestLog()): TestLog {
    cpSync(this.root, copy.root, { recursive: true })
    return copy
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#audit?.close().catch(() => {})
    rmSync(this.root, { recursive: true, force: true })
  }
}

/** A disk that never syncs, for tests about other things that need many records. */
export const hastyDisk: Disk = { ...kernelDisk, sync: (_fd, done) => setImmediate(done, null) }

let calls = 0

export function intentOf(path = '/v1/items'): IntentRecord {
  calls += 1
  return {
    rid: `call_${calls}`,
    actor: { kind: 'agent', id: 'agent_1', key: 'tok_1' },
    req: { service: 'demo', method: 'GET', origin: 'https://api.example.com:443', path },
    decision: { effect: 'allow', rule: 'grt_1', policy: 7 },
  }
}

export const figures = { status: 200, bytesIn: 0, bytesOut: 12, ms: 3 }

/** `count` calls, `width` at a time, each with its outcome. */
export async function makeCalls(audit: OpenedAudit, count: number, width = 8): Promise<void> {
  let left = count
  const worker = async () => {
    while (left > 0) {
      left -= 1
      const intent = intentOf()
      await audit.intent(intent)
      audit.outcome({ rid: intent.rid, outcome: figures })
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
}
