import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { makeCalls, proving, TestLog, vkey } from './audit.support.ts'
import { proveRecord } from './prove.ts'
import { attacks, newestNoteText } from './tamper.support.ts'

const source = join(import.meta.dirname, '../../proving/audit-go')
const packages = '/usr/share/gocode'

const noGo = (() => {
  if (spawnSync('go', ['version']).error) return 'Go is not installed'
  return existsSync(join(packages, 'src/golang.org/x/mod/sumdb'))
    ? undefined
    : 'golang-golang-x-mod-dev is not installed'
})()

describe('a verifier in another language, on other people’s tree and notes', { skip: noGo }, () => {
  const build = (folder: string) => {
    const program = join(folder, 'audit-go')
    const env = { ...process.env, GO111MODULE: 'off', GOPATH: packages, GOFLAGS: '' }
    const built = spawnSync('go', ['build', '-o', program, '.'], { cwd: source, env, encoding: 'utf8' })
    assert.equal(built.status, 0, built.stderr)
    return (log: TestLog, ...files: string[]) =>
      spawnSync(program, [log.dir, vkey, ...files], { encoding: 'utf8' }) as { status: number | null; stdout: string }
  }

  test('agrees: tree, tiles, notes and proofs of a good log, and what was tampered with', async () => {
    await using log = new TestLog()
    const run = build(log.root)
    const audit = await log.unsealed()
    await makeCalls(audit, 150, 40)
    await audit.checkpoint()
    const old = join(log.root, 'old.note')
    writeFileSync(old, newestNoteText(log))
    await using earlier = log.copy()
    await makeCalls(audit, proving ? 5_000 : 400, 40)
    await audit.close()
    const published = readdirSync(join(log.dir, 'checkpoints')).map((name) => join(log.dir, 'checkpoints', name))
    const proofs: string[] = []
    for (const seq of [0, 1, 255, 256, 300, audit.size() - 1]) {
      const file = join(log.root, `${seq}.tlog-proof`)
      writeFileSync(file, (await proveRecord({ dir: log.dir, record: { seq } })).proof)
      proofs.push(file)
    }
    const good = run(log, old, ...published, ...proofs)
    assert.deepEqual([good.status, good.stdout.startsWith(`good: ${audit.size()} records`)], [0, true], good.stdout)
    for (const kind of Object.keys(attacks)) {
      await using victim = log.copy()
      attacks[kind]!({ log: victim, earlier, pick: (n) => Math.floor(n / 2) })
      assert.notEqual(run(victim, old, join(log.dir, 'checkpoint')).status, 0, kind)
    }
  })
})
