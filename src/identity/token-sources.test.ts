import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CameBy, mayShow, readSources, Source, writeSources } from './token-sources.ts'

const by = (address: string): CameBy => ({ address, unixSocket: false })
const bySocket = (socketOf?: string): CameBy => ({ address: 'unix', unixSocket: true, socketOf })

describe('mayShow()', () => {
  test('takes at a bridge only what is bound, to an address or to a key', () => {
    const came = { ...by('10.1.2.3'), atBridge: true }
    assert.ok(!mayShow({ id: 'tok_1' }, came))
    assert.ok(mayShow({ id: 'tok_1', sources: readSources('10.1.2.3') }, came))
    assert.ok(!mayShow({ id: 'tok_1', sources: readSources('10.1.2.4') }, came))
    assert.ok(mayShow({ id: 'ses_1', jkt: 'thumbprint' }, came))
  })

  const cases: readonly (readonly [from: readonly string[] | undefined, came: CameBy, may: boolean])[] = [
    [undefined, by('192.0.2.1'), true],
    [undefined, bySocket(), true],
    [undefined, bySocket('tok_1'), false],
    [['10.1.0.0/16'], by('10.1.2.3'), true],
    [['10.1.0.0/16'], by('10.2.0.1'), false],
    [['10.1.0.0/16', '10.2.0.1'], by('10.2.0.1'), true],
    [['10.1.0.0/16'], by('::ffff:10.1.2.3'), true],
    [['fd00:1::/32'], by('fd00:1::9'), true],
    [['fd00:1::/32'], by('fd00:2::9'), false],
    [['10.1.0.0/16'], by('0.0.0.0'), false],
    [['10.1.0.0/16'], bySocket(), false],
    [['10.1.0.0/16'], bySocket('tok_1'), false],
    [['socket'], bySocket('tok_1'), true],
    [['socket'], bySocket('tok_2'), false],
    [['socket'], bySocket(), false],
    [['socket'], by('127.0.0.1'), false],
    [['socket', '127.0.0.1'], by('127.0.0.1'), true],
    [[], by('127.0.0.1'), false],
    [['what is this'], by('127.0.0.1'), false],
  ]
  for (const [from, came, may] of cases) {
    const where = came.socketOf === undefined ? came.address : `the socket of ${came.socketOf}`
    test(`${may ? 'takes' : 'refuses'} a token for ${from?.join(' and ') ?? 'anywhere'} from ${where}`, () => {
      const sources = from === undefined ? undefined : readSources(writeSources(from))
      assert.equal(mayShow({ id: 'tok_1', sources }, came), may)
    })
  }
})

describe('Source', () => {
  for (const good of ['socket', '10.1.2.3', '10.0.0.0/8', 'fd00::/8', '::1'])
    test(`takes ${good}`, () => assert.ok(Source.safeParse(good).success))
  for (const bad of ['', 'sockets', '0.0.0.0/0', '::/0', '10.1.2', '10.1.2.3/33', 'localhost', '10.1.2.3 10.1.2.4'])
    test(`refuses ${bad || 'nothing'}`, () => assert.ok(!Source.safeParse(bad).success))
})
