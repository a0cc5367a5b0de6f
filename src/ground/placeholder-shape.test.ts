import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MARK, newPlaceholder, placeholderShape, runAt } from './placeholder-shape.ts'

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

  test('is not drawn from too little, nor of a shape that cannot be told where it ends', () => {
    const wrong = ['sk-', 'sk-{19}', '{25:hex}', '{21:lower}', 'sk-{201}', 'sk-{48}.x', 'a b{48}', '{48}{48}', '{048}']
    for (const shape of [...wrong, `${MARK}{48}`, '{48:base64}'])
      assert.equal(placeholderShape(shape), undefined, shape)
  })
})
