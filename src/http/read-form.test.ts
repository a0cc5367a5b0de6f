import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readForm } from './read-form.ts'

const read = (text: string | Buffer) => ({ ...readForm(Buffer.from(text as string)).values })

describe('readForm()', () => {
  test('reads what clients send', () => {
    assert.deepEqual(read('grant_type=client_credentials&scope=a%3Ab+c%3Ad&x=%C3%A4'), {
      grant_type: 'client_credentials',
      scope: 'a:b c:d',
      x: 'ä',
    })
    assert.deepEqual(read('a=1=2&b=&c&d=%2B'), { a: '1=2', d: '+' })
    assert.deepEqual(read(new URLSearchParams({ a: "-._~!*'() /?:@,;$&=+#[]é" }).toString()), {
      a: "-._~!*'() /?:@,;$&=+#[]é",
    })
    assert.deepEqual(read(''), {})
    assert.deepEqual(read('__proto__=1'), JSON.parse('{"__proto__":"1"}'))
  })

  const refused: readonly (string | Buffer)[] = [
    'a=1&a=2',
    'a=1&%61=2',
    'a=1&a=',
    'a&a',
    '&',
    'a=1&',
    '=1',
    'a=%',
    'a=%4',
    'a=%zz',
    'a=%00',
    'a=%0a',
    'a=1\n',
    'a=%FF',
    'a=%C0%AF',
    'a=%ED%A0%80',
    'a="1"',
    'a=<b>',
    'a=ä',
    'a[]=1',
    'a=1 2',
    Array.from({ length: 33 }, (_, n) => `a${n}=1`).join('&'),
  ]
  for (const text of refused) {
    test(`refuses ${JSON.stringify(text.toString().slice(0, 30))}`, () => {
      assert.throws(() => read(text), { code: 'request_invalid' })
    })
  }
})
