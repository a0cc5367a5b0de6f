import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { compressions, plainEncodings } from './encodings.ts'
import { freshCanary, TaintOracle } from './taint-oracle.ts'

describe('TaintOracle', () => {
  test('finds a planted leak in each of the 14 encodings', async () => {
    const oracle = new TaintOracle()
    oracle.canary('planted')
    assert.equal(await oracle.selfTest(), Object.keys(plainEncodings).length * (1 + Object.keys(compressions).length))
  })

  test('finds nothing where nothing was planted', async () => {
    const oracle = new TaintOracle()
    for (let i = 0; i < 20; i++) oracle.canary(`c${i}`)
    const noise = Buffer.concat([randomBytes(300_000), Buffer.from(freshCanary())])
    assert.deepEqual(await oracle.search(noise, 'noise'), [])
  })

  test('finds a canary across the chunks of a sink', async () => {
    const oracle = new TaintOracle()
    const value = oracle.canary('cut')
    const sink = oracle.sink('stdout')
    for (const byte of `before ${value} after`) sink(byte)
    assert.deepEqual(
      (await oracle.searchSinks()).map((hit) => hit.encoding),
      ['raw'],
    )
  })

  test('finds a canary across the windows of a large file, and passes zeros by', async () => {
    const oracle = new TaintOracle()
    const value = oracle.canary('deep')
    const folder = mkdtempSync(join(tmpdir(), 'claviger-oracle-'))
    const at = (2 << 20) - 10
    const bytes = Buffer.alloc(4 << 20)
    bytes.write(value, at, 'latin1')
    bytes[at - 1] = 1
    writeFileSync(join(folder, 'file'), bytes)
    const hits = await oracle.searchTree(folder)
    rmSync(folder, { recursive: true })
    assert.ok(hits.length > 0)
  })

  test('finds mixed-case hex and percent spellings', async () => {
    const oracle = new TaintOracle()
    const value = oracle.canary('mixed')
    const mixed = plainEncodings['percent-every-lower']!(value)
      .toString()
      .replace(/[a-f]/, (c) => c.toUpperCase())
    assert.ok((await oracle.search(Buffer.from(mixed), 'body')).length > 0)
  })

  test('sees the arguments and the environment of a process', async () => {
    const oracle = new TaintOracle()
    oracle.canary('path', process.env.PATH ?? '')
    assert.ok((await oracle.searchProcess(process.pid)).some((hit) => hit.place === '/proc/environ'))
  })
})
