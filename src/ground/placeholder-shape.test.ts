import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  AWS_KEY_ID,
  AWS_SECRET,
  holdsPlaceholder,
  KEY_ID_BEGINS,
  MARK,
  newPlaceholder,
  placeholderShape,
  runAt,
} from './placeholder-shape.ts'

const made = (shape: string) => newPlaceholder(placeholderShape(shape)!)

describe('a placeholder', () => {
  test('has the provider’s beginning, length and alphabet, and the mark', () => {
    const shapes: [shape: string, like: RegExp][] = [
      ['sk-{48}', /^sk-[A-Za-z0-9]{48}$/],
      ['ghp_{36}', /^ghp_[A-Za-z0-9]{36}$/],
      ['sk-ant-api03-{93}AA', /^sk-ant-api03-[A-Za-z0-9]{93}AA$/],
      ['hf_{34:letters}', /^hf_[A-Za-z]{34}$/],
      ['{32:hex}', /^[0-9a-f]{32}$/],
      ['xai-{80:lower}', /^xai-[a-z0-9]{80}$/],
      ['1000000000:AA{33}', /^1000000000:AA[A-Za-z0-9]{33}$/],
    ]
    for (const [shape, like] of shapes) {
      const { text, run } = made(shape)
      assert.match(text, like)
      const at = text.indexOf(MARK)
      assert.equal(runAt(`Bearer ${text}, and more`, at + 'Bearer '.length), run, shape)
      assert.notEqual(made(shape).text, text)
    }
  })

  test('of a pair that signs looks like AWS’s, and is known for a placeholder by either half', () => {
    const id = newPlaceholder(AWS_KEY_ID)
    assert.match(id.text, /^AKIA[A-Z2-7]{16}$/)
    const signed = `AWS4-HMAC-SHA256 Credential=${id.text}/20260304/eu-west-1/s3/aws4_request, SignedHeaders=host`
    assert.equal(runAt(signed, signed.indexOf(KEY_ID_BEGINS) + 'AKIA'.length), id.run)
    const secret = newPlaceholder(AWS_SECRET)
    assert.match(secret.text, /^[A-Za-z0-9]{40}$/)
    assert.deepEqual([id.text, secret.text, 'AKIAIOSFODNN7EXAMPLE'].map(holdsPlaceholder), [true, true, false])
  })

  test('is not drawn from too little, nor of a shape that cannot be told where it ends', () => {
    const wrong = ['sk-', 'sk-{19}', '{25:hex}', '{21:lower}', 'sk-{201}', 'sk-{48}.x', 'a b{48}', '{48}{48}', '{048}']
    for (const shape of [...wrong, `${MARK}{48}`, '{48:base64}', '{48:base32}'])
      assert.equal(placeholderShape(shape), undefined, shape)
  })
})
