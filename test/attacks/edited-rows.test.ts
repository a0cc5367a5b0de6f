/** Somebody writes the database file while the gateway is stopped. What he gets from it must be nothing. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { recordsOf } from '../../proving/audit-on-disk.ts'
import { type Gateway, repository, StartFailed } from '../instruments/gateway.ts'
import { furnish, type World, world } from '../instruments/world.ts'

/** Stops, runs SQL on the file, starts again. Gives the state of the vault. */
async function edited(gateway: Gateway, ...edits: string[]): Promise<string> {
  await gateway.stop()
  const database = new DatabaseSync(join(gateway.home, 'claviger.db'))
  for (const edit of edits) database.exec(edit)
  database.close()
  await gateway.restart()
  return ((await gateway.agent('GET', '/health')).json() as { state: string }).state
}

/** A service `once`, of which one call is granted. */
async function calledOnce(around: World): Promise<() => Promise<number>> {
  const { gateway, upstream } = around
  const { token } = await furnish(gateway, {
    name: 'once',
    origins: [upstream.origin],
    secret: 'a-secret-for-one-call',
    grant: { uses: 1 },
  })
  const call = async () => (await around.call('/n/1', { service: 'once', token })).status
  assert.deepEqual([await call(), await call()], [200, 403])
  return call
}

/** Whatever is done to the file, a start ends with a plain refusal or serves what it can prove. */
const ruins = [
  'drop table tokens',
  'drop table authority',
  'delete from instance',
  "update instance set value = 'x'",
  'delete from migrations',
  'update authority set epoch = 9007199254740993',
  'update audit_heads set size = 9007199254740993',
  'create trigger x before insert on revocations begin select raise(ignore); end',
  'create trigger x before update on authority begin select raise(ignore); end',
  'create view x as select * from tokens',
]

describe('rows edited by other hands', () => {
  test('a ruined database ends the start with a problem, or leaves the vault sealed: never with a bug', async () => {
    await using around = await world()
    const { gateway } = around
    await gateway.stop()
    const kept = await readFile(join(gateway.home, 'claviger.db'))
    for (const ruin of ruins) {
      const state = await edited(gateway, ruin).catch((error: StartFailed) => error)
      if (state instanceof StartFailed) {
        assert.equal(state.code, 74, `${ruin}: ${state.output}`)
        assert.match(state.output, /\[database_damaged\]/)
      } else assert.equal(state, 'sealed', ruin)
      await gateway.stop()
      await writeFile(join(gateway.home, 'claviger.db'), kept)
    }
    assert.equal(await edited(gateway), 'unsealed')
  })

  test('an operator row that is spoiled makes nobody operator, and the reset still works', async () => {
    await using around = await world({ env: { CLAVIGER_DEMO: 'off' } })
    const { gateway } = around
    assert.equal(await edited(gateway, "update operators set status = 'revoked'"), 'unsealed')
    assert.equal(gateway.ready.operatorToken, undefined, 'no token is printed')
    assert.equal((await gateway.operator('GET', '/status')).status, 401)
    await gateway.stop()
    const env = { ...process.env, CLAVIGER_HOME: gateway.home }
    const reset = [join(repository, 'bin', 'claviger.js'), 'operator', 'token', 'reset', '--json']
    const { token } = JSON.parse(execFileSync(process.execPath, reset, { env }).toString()) as { token: string }
    await gateway.restart()
    assert.equal((await gateway.operator('GET', '/status', undefined, token)).status, 200)
  })

  test('an edited row is told and recorded once each time that the vault opens, by the key file too', async () => {
    await using around = await world()
    const { gateway } = around
    assert.equal(await edited(gateway, "update agents set name = 'evil' where name = 'agent-of-u'"), 'unsealed')
    await gateway.does('POST', '/seal')
    await gateway.does('POST', '/unseal', { keyFile: true })
    await gateway.stop()
    const recorded = recordsOf(gateway.home).flatMap(({ ev }) =>
      ev?.what === 'row.refused' ? [[ev.table, ev.id]] : [],
    )
    const row = ['agents', around.agentId]
    assert.deepEqual(recorded, [row, row])
    assert.doesNotMatch(gateway.output(), /could not be recorded/)
    assert.equal(gateway.output().match(/a row was edited by other hands/g)?.length, 2)
  })

  test('an emergency revoke is not undone by laying its row into another table', async () => {
    await using around = await world()
    await around.gateway.does('POST', '/emergency-revoke')
    const state = await edited(
      around.gateway,
      "insert into grant_calls select id, 'x', 'y', 0, epoch, mac from revocations",
      'delete from revocations',
    )
    assert.equal(state, 'sealed')
    assert.equal((await around.call('/n/1')).status, 503)
    assert.equal(around.upstream.receipts.length, 0)
  })

  test('what an operator accepts of edited rows brings no revoked token back, and no used-up grant', async () => {
    await using around = await world()
    const { gateway } = around
    const call = await calledOnce(around)
    const fresh = async (agent: string) => (await gateway.does<{ token: string }>('POST', '/tokens', { agent })).token
    await gateway.does('POST', '/emergency-revoke')
    const state = await edited(
      gateway,
      'delete from revocations',
      'delete from grant_counters',
      'delete from grant_uses',
    )
    assert.equal(state, 'sealed')
    assert.equal((await gateway.operator('POST', '/unseal', { keyFile: true })).status, 200)
    assert.equal((await around.call('/n/1')).status, 503, 'sealed again')
    const accepted = await gateway.does<{ state: string }>('POST', '/unseal', { keyFile: true, accept: true })
    assert.equal(accepted.state, 'unsealed')
    assert.equal((await around.call('/n/1')).code, 'token_not_live')
    assert.equal(await call(), 401)
    assert.equal((await around.call('/n/1', { token: await fresh('agent-of-u') })).status, 200)
    const once = await around.call('/n/1', { service: 'once', token: await fresh('agent-of-once') })
    assert.equal(once.code, 'service_not_granted')
  })

  test('uses do not come back with a counter of another id', async () => {
    await using around = await world()
    const call = await calledOnce(around)
    await edited(around.gateway, "update grant_counters set id = 'nobody'", 'delete from grant_uses')
    assert.equal(await call(), 403)
  })

  test('uses do not come back with calls that never were', async () => {
    await using around = await world()
    const call = await calledOnce(around)
    const planted = "insert into grant_calls select 'call_x', grant_id, 'before', at, epoch, mac from grant_calls"
    await edited(around.gateway, planted, "update grant_calls set boot = 'before'")
    assert.equal(await call(), 503)
    assert.equal(around.upstream.receipts.length, 1)
  })
})
