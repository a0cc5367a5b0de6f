import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { addressSet, refusedAddress } from '../../../ground/addresses.ts'
import { parseOrigin } from '../../../ground/origin.ts'
import { type OwnPushService, placeOf } from './push-places.ts'

const own: readonly OwnPushService[] = [
  { origin: parseOrigin('http://10.0.0.5:8090', { anyPort: true }), allowed: addressSet(['10.0.0.5']) },
  { origin: parseOrigin('https://push.example.com'), allowed: undefined },
]

describe('placeOf()', () => {
  test('takes the services of browsers, and those that the operator named', () => {
    const endpoints = {
      'https://fcm.googleapis.com/fcm/send/abc:def': 'https://fcm.googleapis.com',
      'https://updates.push.services.mozilla.com/wpush/v2/gAAAA': 'https://updates.push.services.mozilla.com',
      'https://web.push.apple.com/QGuQyavXutnMH': 'https://web.push.apple.com',
      'https://wns2-par02p.notify.windows.com/w/?token=BQYAAA%3d': 'https://wns2-par02p.notify.windows.com',
      'https://push.example.com/a': 'https://push.example.com',
      'http://10.0.0.5:8090/notify/1': 'http://10.0.0.5:8090',
    }
    for (const [endpoint, audience] of Object.entries(endpoints)) {
      assert.equal(placeOf(endpoint, own).audience, audience, endpoint)
    }
  })

  test('opens an inside address for the service that the operator named by it, and for no other', () => {
    assert.equal(refusedAddress('10.0.0.5', placeOf('http://10.0.0.5:8090/x', own).allowed), undefined)
    assert.notEqual(refusedAddress('10.0.0.6', placeOf('http://10.0.0.5:8090/x', own).allowed), undefined)
    assert.equal(placeOf('https://fcm.googleapis.com/x', own).allowed, undefined)
    assert.equal(placeOf('https://push.example.com/x', own).allowed, undefined)
  })

  const hostile = [
    '',
    'https://fcm.googleapis.com',
    'http://fcm.googleapis.com/x',
    'https://fcm.googleapis.com:8443/x',
    'https://fcm.googleapis.com.evil.test/x',
    'https://evil.test/fcm.googleapis.com/x',
    'https://evil.test#fcm.googleapis.com/x',
    'https://evil.test?fcm.googleapis.com/x',
    'https://fcm.googleapis.com@evil.test/x',
    'https://fcm.googleapis.com:x@evil.test/x',
    'https://evil.test\\@fcm.googleapis.com/x',
    'https://evil.test%2ffcm.googleapis.com/x',
    'https://fcm.googleapis.com./x',
    'https://ｆcm.googleapis.com/x',
    'https://a.b.notify.windows.com/x',
    'https://notify.windows.com/x',
    'https://evilnotify.windows.com/x',
    'https://127.0.0.1/x',
    'https://[::1]/x',
    'https://0x7f000001/x',
    'https://2130706433/x',
    'https://localhost/x',
    'http://localhost:4318/x',
    'https://169.254.169.254/latest/meta-data',
    'http://10.0.0.5/x',
    'http://10.0.0.5:8091/x',
    'https://10.0.0.5:8090/x',
    'http://10.0.0.6:8090/x',
    'https://push.example.com:444/x',
    'https://sub.push.example.com/x',
    'ftp://fcm.googleapis.com/x',
    'file:///etc/passwd',
    'javascript:alert(1)//fcm.googleapis.com/x',
    '//fcm.googleapis.com/x',
    'https:/fcm.googleapis.com/x',
    'https://fcm.googleapis.com/x y',
    'https://fcm.googleapis.com/x\r\nhost: evil.test',
    'https://fcm.googleapis.com/x#y',
    ' https://fcm.googleapis.com/x',
    `https://fcm.googleapis.com/${'x'.repeat(2_048)}`,
  ]
  for (const endpoint of hostile) {
    test(`refuses ${JSON.stringify(endpoint.slice(0, 60))}`, () => {
      assert.throws(() => placeOf(endpoint, own), { code: 'push_service_unknown' })
    })
  }
})
