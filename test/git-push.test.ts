// `git push` through the gateway, by git itself to git's own server: what the human sees before, and what the server has after.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PushWorld } from '../src/approvals/shown/git/push.support.ts'
import type { Shown } from '../src/approvals/shown/shown.ts'
import { Gateway } from './instruments/gateway.ts'
import { until } from './instruments/wait.ts'
import { furnish } from './instruments/world.ts'

describe('a push through the gateway', () => {
  let git: PushWorld
  let gateway: Gateway
  let remote = ''
  let header = ''
  before(async () => {
    git = await PushWorld.open()
    gateway = await Gateway.start({ env: { CLAVIGER_DEMO: 'off' } })
    const actions = { push: { method: 'POST', path: '/o/r.git/git-receive-pack', ask: 'tap' } }
    const furniture = { name: 'git', origins: [git.origin], secret: 'of-git-secret', service: { actions } }
    const { token } = await furnish(gateway, furniture)
    remote = `http://127.0.0.1:${gateway.port}/to/git/o/r.git`
    header = `http.extraHeader=Authorization: Bearer ${token}`
  })
  after(async () => {
    await gateway[Symbol.asyncDispose]()
    await git[Symbol.asyncDispose]()
  })

  /** Pushes, and says yes to what is asked. */
  async function push(...args: string[]): Promise<Shown> {
    const pushed = git.git('-c', header, 'push', '-q', remote, ...args)
    let waits: { id: string; digest: string } | undefined
    await until(async () => {
      const pending = await gateway.does<{ items: (typeof waits)[] }>('GET', '/approvals?status=pending')
      waits = pending.items[0]
      return waits !== undefined
    })
    const { id, digest } = waits!
    const { shown } = await gateway.does<{ shown: Shown }>('GET', `/approvals/${id}`)
    await gateway.does('POST', `/approvals/${id}/verdict`, { verdict: 'approved', digest })
    await pushed
    return shown
  }

  const has = async (ref: string) =>
    (await git.git('ls-remote', join(git.work, '..', 'bare.git'), ref)).split('\t')[0] ?? ''
  const moves = (shown: Shown, ref: string) => shown.preview?.facts.find(({ name }) => name === ref)?.value
  const drawn = (shown: Shown) => JSON.stringify(shown.preview?.texts)
  const long = Array.from({ length: 200 }, (_, at) => `line ${at}`).join('\n')

  test('of a new branch shows its commits and files', async () => {
    const id = await git.commit('begin', { 'long.txt': long, 'src/one.ts': '1\n', 'src/two.ts': long })
    const shown = await push('main')
    assert.equal(moves(shown, 'refs/heads/main'), `create: at ${id}`)
    assert.match(drawn(shown), /new: src\/one\.ts/)
    assert.equal(await has('refs/heads/main'), id)
  })

  test('on top shows each file that changes: git sends whole what is new', async () => {
    const old = await has('refs/heads/main')
    const id = await git.commit('more', { 'long.txt': `${long}\nmore`, 'src/one.ts': '2\n' })
    const shown = await push('main')
    assert.equal(moves(shown, 'refs/heads/main'), `move: from ${old} to ${id}`)
    for (const path of ['long.txt', 'src/one.ts'])
      assert.ok(drawn(shown).includes(`changed or new: ${path}`), drawn(shown))
    assert.equal(moves(shown, 'changes of what the server has'), undefined)
    assert.ok(!shown.warnings.some((warning) => /only the server has|rewrite/.test(warning)), shown.warnings.join('\n'))
    assert.equal(await has('refs/heads/main'), id)
  })

  test('that rewrites history says that it may', async () => {
    await git.git('commit', '-q', '--amend', '-m', 'another message')
    const shown = await push('--force', 'main')
    assert.match(moves(shown, 'refs/heads/main') ?? '', /^move, may rewrite history/)
    assert.ok(shown.warnings.some((warning) => warning.includes('may rewrite the history of refs/heads/main')))
  })

  test('of a tag, several refs and a deletion shows each', async () => {
    await git.git('tag', '-a', 'v1', '-m', 'first')
    await git.git('branch', 'side')
    const both = await push('side', 'v1')
    assert.match(moves(both, 'refs/heads/side') ?? '', /^create: at/)
    assert.match(moves(both, 'refs/tags/v1') ?? '', /^create: at/)
    const gone = await push(':side')
    assert.match(moves(gone, 'refs/heads/side') ?? '', /^delete: was/)
    assert.equal(await has('refs/heads/side'), '')
    assert.notEqual(await has('refs/tags/v1'), '')
  })

  test('of more than a mebibyte is asked about once, where git may send it at once', async () => {
    await git.git('config', 'http.postBuffer', '10485760')
    const id = await git.commit('large', { 'large.bin': randomBytes(2 << 20) })
    const shown = await push('main')
    assert.match(drawn(shown), /new: large\.bin, 2,097,152 bytes/)
    assert.equal(await has('refs/heads/main'), id)
    const { items } = await gateway.does<{ items: object[] }>('GET', '/approvals?status=pending')
    assert.deepEqual(items, [])
  })

  test('that is denied leaves the server as it was', async () => {
    const before = await has('refs/heads/main')
    await git.commit('never', { 'never.txt': 'x' })
    const pushed = git.git('-c', header, 'push', '-q', remote, 'main').then(
      () => 'pushed',
      () => 'refused',
    )
    await until(async () => {
      const { items } = await gateway.does<{ items: { id: string; digest: string }[] }>(
        'GET',
        '/approvals?status=pending',
      )
      for (const { id, digest } of items)
        await gateway.does('POST', `/approvals/${id}/verdict`, { verdict: 'denied', digest })
      return items.length > 0
    })
    assert.equal(await pushed, 'refused')
    assert.equal(await has('refs/heads/main'), before)
  })
})
