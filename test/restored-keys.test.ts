// Keys and invites are good until they are taken away, and what took them away is not in an older database.
import assert from 'node:assert/strict'
import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Gateway } from './instruments/gateway.ts'
import { KeyAgent } from './instruments/key-agent.ts'

const inviteFor = async (gateway: Gateway, agent: string) =>
  (await gateway.does<{ invite: string }>('POST', '/agents/invite', { agent })).invite

test('an older database that is accepted brings back no key and no invite (H-04)', async () => {
  await using gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off' } })
  const [thief, owner] = [await KeyAgent.add(gateway, 'thief'), await KeyAgent.add(gateway, 'owner')]
  const used = await inviteFor(gateway, owner.id)
  await gateway.stop()
  const [file, older] = [join(gateway.home, 'claviger.db'), join(gateway.folder, 'older.db')]
  copyFileSync(file, older)
  await gateway.restart()
  await gateway.does('POST', '/agents/thief/revoke')
  const { items } = await gateway.does<{ items: { id: string }[] }>('GET', '/agents/owner/keys')
  await gateway.does('DELETE', `/agents/owner/keys/${items[0]?.id}`)
  assert.equal((await owner.rekey(used)).status, 201)

  await gateway.stop()
  for (const rest of ['-wal', '-shm']) rmSync(`${file}${rest}`, { force: true })
  copyFileSync(older, file)
  await gateway.restart()
  assert.equal(gateway.ready.reason, 'rollback_suspected')
  await gateway.does('POST', '/unseal', { keyFile: true, accept: true })
  for (const agent of [thief, owner]) await assert.rejects(agent.signIn(), /401|403/)
  assert.equal((await owner.rekey(used)).status, 410)
  assert.equal((await owner.rekey(await inviteFor(gateway, owner.id))).status, 201)
})

test('an agent that is contained has one invite: the one that is given then', async () => {
  await using gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off' } })
  const agent = await KeyAgent.add(gateway, 'contained')
  const earlier = await inviteFor(gateway, agent.id)
  const { invite } = await gateway.does<{ invite: string }>('POST', '/agents/contained/contain', {})
  assert.equal((await agent.rekey(earlier)).status, 410)
  assert.equal((await agent.rekey(invite)).status, 201)
})
