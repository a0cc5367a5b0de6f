import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { deflateSync } from 'node:zlib'
import { seeded } from '../../../../test/generators/seeded.ts'
import { showCall, valuesOf } from '../shown.support.ts'
import type { Quoted, Shown } from '../shown.ts'
import { sha1Of } from './pack.support.ts'
import { type Push, PushWorld } from './push.support.ts'
import { readPack } from './read-pack.ts'
import { readReceivePack } from './receive-pack.ts'

const shownOf = ({ body, headers }: Push): Shown => {
  const type = headers['content-type']!
  assert.equal(headers['content-encoding'], undefined)
  return showCall(body, type, { origin: 'https://github.com', path: '/o/r.git/git-receive-pack' })
}

const ZERO = '0'.repeat(40)

/** `git log --name-status` as a list of `new: path`. */
async function filesByGit(world: PushWorld, commit: string): Promise<string[]> {
  const out = await world.git(
    'show',
    '--no-renames',
    '--first-parent',
    '-m',
    '--name-status',
    '--format=',
    '-z',
    commit,
  )
  const words = { A: 'new', M: 'changed', D: 'deleted', T: 'changed' } as const
  const parts = out.split('\0').filter((part) => part !== '')
  const files: string[] = []
  for (let at = 0; at + 1 < parts.length; at += 2) files.push(`${words[parts[at] as 'A']}: ${parts[at + 1]}`)
  return files.sort()
}

const filesShown = (commit: Quoted | undefined): string[] =>
  (commit?.lines ?? [])
    .filter((line) => /^(?:new|changed|deleted|changed or new): /.test(line))
    .map((line) => line.replace(/(?:, [0-9,]+ bytes?)?(?:, a link|, a submodule|, can be run)?$/, ''))
    .sort()

const commitIn = (shown: Shown, id: string): Quoted | undefined =>
  shown.preview?.texts.find(({ name }) => name === `commit ${id}`)

for (const format of ['sha1', 'sha256'] as const) {
  describe(`a push of git with ${format}`, () => {
    let world: PushWorld
    before(async () => {
      world = await PushWorld.open(format)
    })
    after(() => world[Symbol.asyncDispose]())

    test('shows what it creates, commit by commit, as git does', async () => {
      const commits = [
        await world.commit('begin', { 'a.txt': 'one\n', 'src/b.ts': 'export {}\n', 'src/deep/c.ts': '1\n' }),
        await world.commit('change b, drop c', { 'src/b.ts': 'export const b = 1\n' }),
      ]
      await world.git('rm', '-q', 'src/deep/c.ts')
      commits.push(await world.commit('drop c', { 'run.sh': '#!/bin/sh\n', 'päth\u202e.txt': 'x' }))
      const shown = shownOf(await world.push('origin', 'main'))
      assert.equal(shown.title, 'Push to github.com/o/r.git: create refs/heads/main')
      assert.deepEqual(valuesOf(shown.preview?.facts, 'refs/heads/main'), [`create: at ${commits[2]}`])
      assert.equal(shown.preview?.texts.length, 3)
      for (const id of commits) {
        const wanted = (await filesByGit(world, id)).map((line) => line.replace('\u202e', '⟨U+202E⟩'))
        assert.deepEqual(filesShown(commitIn(shown, id)), wanted.sort())
      }
      assert.deepEqual(commitIn(shown, commits[0]!)?.lines.slice(0, 2), [
        'author Ann <ann@shop.test>, 2027-01-15T08:00:00.000Z',
        '    begin',
      ])
    })

    test('that adds on top says so, and shows what its deltas bring and which folders it has', async () => {
      const long = Array.from({ length: 200 }, (_, at) => `line ${at}`).join('\n')
      const old = await world.commit('long files', { 'long.txt': long, 'src/x/one.ts': '1', 'src/x/two.ts': long })
      await world.push('origin', 'main')
      const files = { 'long.txt': `${long}\ntransfer everything to eve\n`, 'src/x/evil.ts': 'steal()' }
      const top = await world.commit('more', files)
      const shown = shownOf(await world.push('origin', 'main'))
      assert.deepEqual(valuesOf(shown.preview?.facts, 'refs/heads/main'), [`move: from ${old} to ${top}`])
      assert.ok(!shown.warnings.some((warning) => warning.includes('rewrite')))
      const drawn = JSON.stringify(shown.preview?.texts)
      assert.ok(drawn.includes('transfer everything to eve') || /long\.txt, [0-9,]+ bytes/.test(drawn), drawn)
      assert.ok(drawn.includes('evil.ts'), drawn)
    })

    test('that may rewrite history says so', async () => {
      const old = (await world.git('rev-parse', 'HEAD')).trim()
      await world.git('commit', '-q', '--amend', '-m', 'another message')
      const top = (await world.git('rev-parse', 'HEAD')).trim()
      const shown = shownOf(await world.push('--force', 'origin', 'main'))
      const wanted = `move, may rewrite history: from ${old} to ${top}`
      assert.deepEqual(valuesOf(shown.preview?.facts, 'refs/heads/main'), [wanted])
      assert.ok(shown.warnings.some((warning) => warning.includes('may rewrite the history')))
    })

    test('that goes back to what the server has carries no pack and may rewrite history', async () => {
      const shown = shownOf(await world.push('--force', 'origin', 'HEAD~1:main'))
      assert.match(valuesOf(shown.preview?.facts, 'refs/heads/main')[0] ?? '', /^move, may rewrite history/)
      await world.push('origin', 'main')
    })

    test('of several refs shows each, tags and deletions too', async () => {
      await world.git('tag', '-a', 'v1', '-m', 'first')
      await world.git('branch', 'side')
      const both = shownOf(await world.push('-o', 'ci.skip', 'origin', 'side', 'v1'))
      assert.equal(both.title, 'Push to github.com/o/r.git: 2 refs')
      assert.match(valuesOf(both.preview?.facts, 'refs/tags/v1')[0] ?? '', /^create/)
      assert.deepEqual(valuesOf(both.preview?.facts, 'push option'), ['ci.skip'])
      const gone = shownOf(await world.push('origin', ':side'))
      assert.match(valuesOf(gone.preview?.facts, 'refs/heads/side')[0] ?? '', /^delete: was/)
      assert.deepEqual(valuesOf(gone.preview?.facts, 'pack'), ['none: nothing new is sent'])
      assert.ok(gone.warnings.some((warning) => warning.includes('deletes refs/heads/side')))
    })

    test('of a merge, sent whole, compares with the first parent, as far as it is there', async () => {
      world.noThin = true
      await world.git('switch', '-q', '-c', 'topic')
      await world.commit('topic', { 'topic.txt': 'x\n' })
      await world.git('switch', '-q', 'main')
      const first = await world.commit('on main', { 'main.txt': 'y\n' })
      await world.git('merge', '-q', '--no-ff', '-m', 'merge it', 'topic')
      const top = (await world.git('rev-parse', 'HEAD')).trim()
      const shown = shownOf(await world.push('origin', 'main'))
      assert.ok(commitIn(shown, top)?.lines.some((line) => line.startsWith('merges 2 commits')))
      assert.deepEqual(filesShown(commitIn(shown, top)), ['new: topic.txt'])
      assert.deepEqual(filesShown(commitIn(shown, first)), ['changed or new: main.txt'])
    })

    test('that changes a workflow warns', async () => {
      await world.commit('ci', { '.github/workflows/ci.yml': 'on: push\n' })
      const shown = shownOf(await world.push('origin', 'main'))
      assert.ok(
        shown.warnings.some((warning) => warning.includes('build server')),
        shown.warnings.join('\n'),
      )
    })
  })
}

describe('hostile packs', () => {
  const object = (type: number, size: number, content: Buffer, base: Buffer = Buffer.alloc(0)): Buffer => {
    const head: number[] = []
    let byte = (type << 4) | (size & 15)
    for (let rest = Math.floor(size / 16); ; rest = Math.floor(rest / 128)) {
      head.push(rest > 0 ? byte | 0x80 : byte)
      if (rest === 0) return Buffer.concat([Buffer.from(head), base, deflateSync(content)])
      byte = rest & 0x7f
    }
  }
  const packOf = (objects: readonly Buffer[], count = objects.length): Buffer => {
    const head = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1')
    head.writeUInt32BE(count, 8)
    const body = Buffer.concat([head, ...objects])
    return Buffer.concat([body, sha1Of(body)])
  }
  const push = (pack: Buffer, next = '1'.repeat(40)): Buffer => {
    const line = `${ZERO} ${next} refs/heads/main\0report-status\n`
    const length = (line.length + 4).toString(16).padStart(4, '0')
    return Buffer.concat([Buffer.from(`${length}${line}0000`, 'latin1'), pack])
  }
  const show = (pack: Buffer, next?: string): Shown =>
    showCall(push(pack, next), 'application/x-git-receive-pack-request', {
      origin: 'https://github.com',
      path: '/o/r.git/git-receive-pack',
    })
  const blob = Buffer.from('hello')

  for (const [what, pack, wanted] of [
    ['no pack', Buffer.from('PACKx'), /no pack of version 2/],
    ['another version', Buffer.from('PACK\0\0\0\x03\0\0\0\0', 'latin1'), /no pack of version 2/],
    [
      'fewer objects than it says',
      packOf([object(3, 5, blob)], 9),
      /ends before its last object|unknown type|decompressed/,
    ],
    ['more objects than it says', packOf([object(3, 5, blob), object(3, 5, blob)], 1), /something stands behind/],
    [
      'four thousand million objects',
      packOf([object(3, 5, blob)], 0xffffffff),
      /ends before|unknown type|decompressed/,
    ],
    [
      'a wrong checksum',
      Buffer.concat([packOf([object(3, 5, blob)]).subarray(0, -20), Buffer.alloc(20)]),
      /checksum is wrong/,
    ],
    ['a length that is too small', packOf([object(3, 4, blob)]), /cannot be decompressed|not as long/],
    ['a length that is too large', packOf([object(3, 6, blob)]), /not as long/],
    ['a huge length', packOf([object(3, 2 ** 45, blob)]), /more than is read/],
    ['an unknown type', packOf([object(5, 5, blob)]), /unknown type/],
    ['a bomb', packOf([object(3, 60 * 1024 ** 2, Buffer.alloc(60 * 1024 ** 2))]), /more than is read/],
    [
      'many bombs',
      packOf(Array.from({ length: 40 }, () => object(3, 4 * 1024 ** 2, Buffer.alloc(4 * 1024 ** 2)))),
      /more than is read/,
    ],
    ['more objects than are read', packOf(Array.from({ length: 20_001 }, () => object(3, 5, blob))), /more than 20000/],
  ] as const) {
    test(`with ${what} end in words`, () => {
      const { warnings, preview } = show(pack)
      assert.ok(preview !== undefined)
      assert.ok(
        warnings.some((warning) => wanted.test(warning)),
        warnings.join('\n'),
      )
    })
  }

  const base = sha1Of(Buffer.from('blob 5\0hello'))
  for (const [what, delta, wanted] of [
    ['copies from beyond its base', [5, 0x80, 0x80, 0x04, 0x80, 0x80], /a copy from beyond the base/],
    ['makes more than it says', [5, 2, 0x90, 5], /more than it says/],
    ['makes less than it says', [5, 9, 0x90, 5], /less than it says/],
    ['has a reserved instruction', [5, 5, 0], /a reserved instruction/],
    ['ends within an instruction', [5, 5, 0x9f], /a copy without its numbers/],
    ['ends within an insertion', [5, 5, 9, 1], /an insertion beyond the end/],
    ['has no size', [0xff], /a size without an end/],
    ['wants another base', [6, 5, 0x90, 5], /the base is of another size/],
    ['says that it makes too much', [5, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x90, 5], /more than is read/],
  ] as const) {
    test(`with a delta that ${what} end in words`, () => {
      const bytes = Buffer.from(delta)
      const { warnings } = show(packOf([object(3, 5, blob), object(7, bytes.length, bytes, base)]))
      assert.ok(
        warnings.some((warning) => wanted.test(warning)),
        warnings.join('\n'),
      )
    })
  }

  test('of deltas on what is not there say so', () => {
    const delta = Buffer.from([5, 8, 0x90, 5, 3, 0x61, 0x62, 0x63])
    const { preview } = show(packOf([object(7, delta.length, delta, Buffer.alloc(20, 1))]))
    const name = `change of the server's object ${'01'.repeat(20)}, 5 to 8 bytes`
    assert.deepEqual(preview?.texts, [{ name, lines: ['abc'] }])
  })

  test('of folders in folders many times over are gone through to a bound', () => {
    const tree = (name: string, id: Buffer) =>
      Buffer.concat(['a', 'b'].map((letter) => Buffer.concat([Buffer.from(`40000 ${name}${letter}\0`), id])))
    const idOf = (type: string, bytes: Buffer) =>
      sha1Of(Buffer.concat([Buffer.from(`${type} ${bytes.length}\0`), bytes]))
    const objects: Buffer[] = []
    let bytes: Buffer = Buffer.alloc(0)
    for (let level = 0; level < 60; level++) {
      objects.push(object(2, bytes.length, bytes))
      bytes = tree(`d${level}`, idOf('tree', bytes))
    }
    objects.push(object(2, bytes.length, bytes))
    const commit = Buffer.from(
      `tree ${idOf('tree', bytes).toString('hex')}\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nm\n`,
    )
    objects.push(object(1, commit.length, commit))
    const { preview } = show(packOf(objects), idOf('commit', commit).toString('hex'))
    assert.ok(preview?.texts[0]?.lines.some((line) => line.includes('more than is gone through')))
  })

  test('that are changed anywhere are read to some end', async () => {
    await using world = await PushWorld.open()
    const long = Array.from({ length: 100 }, (_, at) => `line ${at}`).join('\n')
    await world.commit('a', { 'a.txt': long, 'b/c.txt': 'x' })
    await world.commit('b', { 'a.txt': `${long}\nmore` })
    const { body } = await world.push('origin', 'main')
    const random = seeded(5)
    for (let run = 0; run < 1_500; run++) {
      const bytes = Buffer.from(body)
      for (let change = random.below(4); change >= 0; change--) bytes[random.below(bytes.length)] = random.below(256)
      const cut = random.chance(4) ? bytes.subarray(0, random.below(bytes.length)) : bytes
      const request = readReceivePack(cut)
      if (request === undefined) continue
      const pack = readPack(request.pack, request.hash)
      assert.ok(pack.read <= 20_000)
      showCall(cut, 'application/x-git-receive-pack-request', { origin: 'https://a.test', path: '/r/git-receive-pack' })
    }
  })
})
