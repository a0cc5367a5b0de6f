import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { ed25519FromSeed } from '../crypto/ed25519.ts'
import { formatVkey, parseCheckpoint, parseVkey, signatureVerdict, signCheckpoint, verifierOf } from './checkpoint.ts'
import { consistencyHolds } from './consistency.ts'
import { genesisPrev } from './genesis.ts'
import { macVerdict, markHolds, sealGroup, splitMark } from './group-mark.ts'
import { GrowingTree } from './growing-tree.ts'
import { bodyOf, intentPieces, outcomePieces, type Pieces, recordPieces } from './record-line.ts'
import { redactedForm } from './redact.ts'
import { consistencyProof, inclusionProof, leafHash, rootAt, rootFromInclusion, rootOver } from './tree.ts'

const { audit, hkdf } = JSON.parse(readFileSync(new URL('../../vectors/known-answers.json', import.meta.url), 'utf8'))
const leaves: Buffer[] = audit.leafHashes.map((hex: string) => Buffer.from(hex, 'hex'))
const tailKey = { version: 1, key: createSecretKey(Buffer.from(hkdf.auditTail_v1, 'hex')) }
const hex = (bytes: readonly Buffer[]) => bytes.map((part) => part.toString('hex'))

/** The hash of a complete subtree, from the leaves. */
function node(level: number, index: number): Buffer {
  const width = 2 ** level
  return rootOver(Buffer.concat(leaves.slice(index * width, (index + 1) * width)), width)
}

describe('the known answers of the log', () => {
  const intent = {
    rid: 'req_1',
    actor: { kind: 'agent', id: 'agt_1' },
    req: { service: 'svc_1', method: 'GET', origin: 'https://api.example.com:443', path: '/v1/items' },
    decision: { effect: 'allow', rule: 'rul_1', policy: 7 },
    credential: { id: 'crd_1', version: 3 },
  } as const
  const lines: readonly (readonly [Pieces, string])[] = [
    [recordPieces('b1', { type: 'boot', ev: { version: '0.1.0' } }), '1'],
    [recordPieces('b1', { type: 'intent', ...intent }), ''],
    [outcomePieces('b1', 'req_1', { bytesIn: 0, bytesOut: 321, ms: 4, status: 200 }), '2'],
  ]

  test('the first prev', () => {
    assert.equal(genesisPrev(Buffer.from(audit.installId, 'hex'), audit.node), audit.genesisPrev)
  })

  test('the lines, their marks and the mac', () => {
    let prev: string = audit.genesisPrev
    for (const [seq, [pieces, count]] of lines.entries()) {
      const frame = { monoNode: `,"mono":${seq},"node":"n1"`, ts: `,"ts":${1767225600000 + seq}` }
      const body = bodyOf(pieces, frame, prev, seq)
      const mark = count === '' ? '' : `,"~g":"${sealGroup(Number(count), body, seq === 2 ? tailKey : undefined)}"`
      const line = `${body}${mark}}`
      assert.equal(line, audit.lines[seq])
      prev = leafHash(line)
      assert.equal(Buffer.from(prev, 'base64url').toString('hex'), audit.leafHashes[seq])
    }
  })

  test('the marks are found again and hold', () => {
    for (const [seq, verdict] of [
      [0, 'none'],
      [2, 'good'],
    ] as const) {
      const split = splitMark(Buffer.from(audit.lines[seq]))
      assert.ok(split)
      assert.ok(markHolds(split.body, split.mark))
      assert.equal(macVerdict(split.mark, tailKey), verdict)
    }
    assert.equal(splitMark(Buffer.from(audit.lines[1])), undefined)
  })

  test('an intent by the hand-written writer differs by the key alone', () => {
    const generic = bodyOf(lines[1]![0], { monoNode: ',"mono":1,"node":"n1"', ts: ',"ts":1' }, audit.genesisPrev, 1)
    const byHand = intentPieces('b1', { ...intent, actor: { ...intent.actor, key: 'tok_1' } })
    const body = bodyOf(byHand, { monoNode: ',"mono":1,"node":"n1"', ts: ',"ts":1' }, audit.genesisPrev, 1)
    assert.equal(body.replace('"key":"tok_1",', ''), generic)
  })

  test('roots, inclusion and consistency', () => {
    const tree = new GrowingTree()
    assert.equal(tree.root().toString('hex'), audit.roots[0])
    for (const [index, leaf] of leaves.entries()) {
      tree.add(leaf.toString('base64url'))
      assert.equal(tree.root().toString('hex'), audit.roots[index + 1])
      assert.equal(rootAt(index + 1, node).toString('hex'), audit.roots[index + 1])
    }
    const inclusion = inclusionProof(1, 3, node)
    assert.deepEqual(hex(inclusion), audit.inclusion1of3)
    assert.equal(rootFromInclusion(1, 3, leaves[1]!, inclusion)?.toString('hex'), audit.roots[3])
    const consistency = consistencyProof(1, 3, node)
    assert.deepEqual(hex(consistency), audit.consistency1to3)
    const [old, grown] = [1, 3].map((size) => ({ size, root: Buffer.from(audit.roots[size], 'hex') }))
    assert.ok(consistencyHolds({ old: old!, new: grown! }, consistency))
  })

  test('the verifier key and the signed note', () => {
    const { privateKey, publicKey } = ed25519FromSeed(Buffer.from(audit.ed25519Seed, 'hex'))
    const verifier = verifierOf('gw.example.com/audit/n1', publicKey)
    assert.equal(formatVkey(verifier), audit.vkey)
    assert.equal(
      signCheckpoint(verifier, privateKey, { size: 3, root: Buffer.from(audit.roots[3], 'hex') }),
      audit.checkpoint,
    )
    const parsed = parseCheckpoint(audit.checkpoint)
    const known = parseVkey(audit.vkey)
    assert.ok(parsed && known)
    assert.equal(parsed.size, 3)
    assert.equal(signatureVerdict(parsed, known), 'good')
  })

  test('the redacted form', () => {
    const key = { version: 1, key: createSecretKey(Buffer.from(hkdf.auditRedact_v1, 'hex')) }
    assert.equal(redactedForm(audit.redaction.valueUtf8, key), audit.redaction.text)
  })
})
