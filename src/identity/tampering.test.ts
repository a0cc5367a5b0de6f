import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { composeToken, storedForm } from '../crypto/tokens.ts'
import { by, TestIdentity, text } from './identity.support.ts'

/** F-07: opaque tokens stolen from, or planted in, the database. */
describe('a database in other hands', () => {
  let room: TestIdentity
  let token: string
  beforeEach(async () => {
    room = await new TestIdentity().start()
    await room.identity.addAgent('coder', by)
    token = await room.issue('coder')
  })
  afterEach(() => room.end())
  const accepted = () => {
    const principal = room.identity.authenticate(token)
    return principal?.kind === 'agent' && room.identity.isLive(principal.agent.id, principal.token.id)
  }

  test('holds nothing that can be presented as a token', async () => {
    const operator = text((await room.identity.resetOperatorToken(by)).token)
    await room.storage.close()
    const file = readFileSync(room.database.file)
    for (const each of [token, operator]) {
      const secret = each.split('_')[3]!
      for (const form of [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')]) {
        assert.equal(file.includes(form), false)
      }
    }
    const rows = room.database.look('select id, hash from tokens')
    await room.start()
    for (const { id, hash } of rows) {
      const bytes = Buffer.from(hash as Uint8Array)
      const guesses = [bytes.toString('hex'), bytes.toString('base64'), bytes.toString('latin1'), String(id)]
      guesses.push(composeToken('ak', Buffer.alloc(11), bytes), composeToken('op', Buffer.alloc(11), bytes))
      for (const guess of guesses) assert.equal(room.identity.authenticate(guess), undefined)
    }
  })

  test('authenticates no planted row, even one made with a pepper of its own', async () => {
    const planted = composeToken('ak', Buffer.alloc(11, 1), Buffer.alloc(32, 1))
    const hash = storedForm(createSecretKey(randomBytes(32)), 'ak', planted).toString('hex')
    const agent = room.identity.requireAgent('coder').id
    await room.restart(
      `insert into tokens (id, kind, owner, hash, pepper, issued_epoch, status, created_at, expires_at, epoch, mac)
       values ('tok_planted', 'ak', '${agent}', x'${hash}', 1, 9, 'active', 0, 9e15, 9, zeroblob(32))`,
    )
    assert.deepEqual(room.bad, ['tokens/tok_planted'])
    assert.equal(room.identity.authenticate(planted), undefined)
    assert.equal(accepted(), true)
    assert.equal(await room.storage.checkRows(), 'tampered')
  })

  test('gives nothing back that was revoked, whatever is edited', async () => {
    const id = room.identity.authenticate(token)!.token.id
    await room.identity.revokeToken(id, by)
    const edits = ["status = 'active'", "status = 'active', revoked_at = null", 'expires_at = 9000000000000000']
    for (const edit of edits) {
      await room.restart(`update tokens set ${edit} where id = '${id}'`)
      assert.equal(accepted(), false, edit)
      assert.deepEqual(room.bad, [`tokens/${id}`], edit)
    }
  })

  test('lengthens no life, and gives no token to another', async () => {
    const other = await room.identity.addAgent('other', by)
    const edits = ['expires_at = expires_at + 1', `owner = '${other.id}'`, "kind = 'op'", 'issued_epoch = 99']
    for (const edit of edits) {
      await room.restart(`update tokens set ${edit}`)
      assert.deepEqual([room.identity.authenticate(token), room.bad.length], [undefined, 1], edit)
      await room.storage.acceptRows(0)
      await room.restart()
      token = await room.issue('coder')
    }
  })

  test('unlocks no agent', async () => {
    const agent = await room.identity.lockAgent('coder', by)
    await room.restart("update agents set status = 'active'")
    assert.equal(room.identity.authenticate(token), undefined)
    assert.deepEqual(room.bad, [`agents/${agent.id}`])
  })

  test('cannot take an emergency revoke back: edited it stays, deleted or replayed it is found', async () => {
    await room.identity.emergencyRevoke(by)
    const before = room.database.look('select * from revocations')[0]!
    await room.issue('coder')
    await room.identity.emergencyRevoke(by)
    const fresh = await room.issue('coder')
    await room.restart('update revocations set up_to_epoch = 0')
    assert.equal(accepted(), false)
    assert.equal(room.identity.authenticate(fresh)?.token.status, 'revoked')
    assert.deepEqual(room.bad, ['revocations/all'])
    const mac = Buffer.from(before.mac as Uint8Array).toString('hex')
    const old = `update revocations set up_to_epoch = ${before.up_to_epoch}, epoch = ${before.epoch}, mac = x'${mac}'`
    for (const edit of [old, 'delete from revocations']) {
      await room.restart(edit)
      assert.equal(await room.storage.checkRows(), 'tampered', edit)
    }
  })

  test('stops no revocation: an edited row is revoked all the same', async () => {
    const id = room.identity.authenticate(token)!.token.id
    room.database.edit("update tokens set label = 'mine'")
    room.database.edit("update agents set status = 'revoked'")
    await room.identity.revokeToken(id, by)
    await room.identity.lockAgent('coder', by)
    await room.identity.emergencyRevoke(by)
    await room.restart()
    assert.equal(accepted(), false)
    assert.equal(await room.storage.checkRows(), 'tampered')
  })
})
