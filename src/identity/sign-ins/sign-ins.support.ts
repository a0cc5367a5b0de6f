// For tests: the room on a real database and a real log, which can be closed and opened again.
import { TestLog } from '../../audit/audit.support.ts'
import type { OpenedAudit } from '../../audit/audit.ts'
import { tailRecords } from '../../audit/find-record.ts'
import { SetClock } from '../../ground/clock.ts'
import { type TestDatabase, testDatabase } from '../../storage/storage.support.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Attempt } from './contract.ts'
import type { Finding } from './finding.ts'
import { GeoIp } from './geoip.ts'
import { city, mmdb } from './mmdb.support.ts'
import { signInMigrations } from './schema.ts'
import { type SignInSettings, SignIns } from './sign-ins.ts'

export const settings: SignInSettings = {
  limits: {
    register: '5/h',
    challenge: '10/min',
    challengeAddress: '60/min',
    authenticate: '10/min',
    refresh: '30/min',
    verify: '600/min',
    trust: '60/min',
    metadata: '600/min',
  },
  addresses: 'network',
  learningDays: 7,
  dormantDays: 90,
}

/** Addresses whose place the test's database knows. */
export const berlin = '198.51.100.7'
export const munich = '198.51.100.130'
export const newYork = '203.0.113.7'
export const shanghai = '2001:db8:86::7'

const places = mmdb({
  '198.51.100.0/25': city('DE', 52.52, 13.4),
  '198.51.100.128/25': city('DE', 48.14, 11.58),
  '203.0.113.0/24': city('US', 40.71, -74.01),
  '2001:db8:86::/48': city('CN', 31.2, 121.5),
})

export class TestSignIns implements AsyncDisposable {
  readonly clock = new SetClock()
  readonly database: TestDatabase = testDatabase(signInMigrations, this.clock)
  readonly log = TestLog.inMemory()
  readonly findings: Finding[] = []
  readonly trouble: unknown[] = []
  storage!: Storage
  audit!: OpenedAudit
  signIns!: SignIns

  async start(changed: Partial<SignInSettings> = {}): Promise<this> {
    // The log goes by the real clock: to it an hour in which nothing was written is a disk that hangs.
    this.audit ??= await this.log.unsealed()
    this.storage = await this.database.open()
    const file = { stamp: async () => '1', read: async () => places }
    const geo = new GeoIp(file, this.clock)
    await geo.refresh()
    const { clock, storage, audit } = this
    this.signIns = new SignIns({
      storage,
      clock,
      audit,
      geo,
      settings: { ...settings, ...changed },
      onFinding: (finding) => this.findings.push(finding),
      onTrouble: (error) => this.trouble.push(error),
      records: ({ actor, before, limit }) =>
        tailRecords(audit.dir, { limit, filter: { actor, type: 'auth' }, size: before ?? audit.size() }),
    })
    return this
  }

  /** Closes the room and its database and opens both again. */
  async restart(changed: Partial<SignInSettings> = {}): Promise<void> {
    await this.signIns.close()
    await this.storage.close()
    await this.start(changed)
  }

  #attempts = 0

  attempt(attempt: Partial<Attempt> = {}): string {
    this.#attempts += 1
    const rid = `call_${this.#attempts}`
    const from = { agent: 'agent_1', keyThumbprint: 'thumb_1', address: berlin, door: 'native' }
    this.signIns.attempt({ ...from, form: 'jws', result: 'ok', rid, ...attempt })
    return rid
  }

  /** An attempt, and everything that follows from it. */
  async attempted(attempt: Partial<Attempt> = {}): Promise<string> {
    const rid = this.attempt(attempt)
    await this.signIns.settle()
    return rid
  }

  types(): string[] {
    return this.findings.map(({ type }) => type)
  }

  /** Members of the log's records of sign-ins. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at members of many types
  records(what = 'sign_in'): Record<string, any>[] {
    return this.log.records().filter(({ ev }) => ev?.what === what)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.signIns.close()
    await this.storage.close()
    await this.log[Symbol.asyncDispose]()
    this.database.remove()
  }
}
