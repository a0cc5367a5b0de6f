// Pushes to this browser: the permission, the subscription at its maker's service, and the gateway that is told of it.
import { ask } from './client.ts'
import type { Device } from './types.ts'

/** Whether this browser can take pushes; `home`: it can once the pages are on the home screen (iOS). */
export function pushHere(): 'can' | 'blocked' | 'home' | 'cannot' {
  if (!('serviceWorker' in navigator) || !('PushManager' in window) || !('Notification' in window)) {
    return /iPhone|iPad/.test(navigator.userAgent) ? 'home' : 'cannot'
  }
  return Notification.permission === 'denied' ? 'blocked' : 'can'
}

/** Asks the person, the browser and the gateway, in this order. Throws where one of them says no. */
export async function switchOn(name: string): Promise<Device> {
  if ((await Notification.requestPermission()) !== 'granted') throw new Error('Notifications are not allowed here.')
  const { publicKey } = await ask<{ publicKey: string }>('POST', '/push/start')
  const subscription = await subscribed(bytesOf(publicKey))
  const { endpoint, keys } = subscription.toJSON()
  const device = await ask<Device>('POST', '/push/devices', { endpoint, keys, name })
  await keep({ endpoint, auth: keys?.auth, key: publicKey })
  return device
}

/** For the service worker, which is told when the browser's push service gives it another address. As sw.js reads it. */
async function keep(subscription: object): Promise<void> {
  const place = await caches.open(PLACE)
  await place.put(WHERE, new Response(JSON.stringify(subscription)))
}

const PLACE = 'claviger-device'
const WHERE = '/device'

export async function switchOff({ id, here }: Device): Promise<void> {
  await ask('DELETE', `/push/devices/${id}`)
  const registration = await navigator.serviceWorker?.getRegistration()
  if (!here) return
  await caches.delete(PLACE)
  await (await registration?.pushManager.getSubscription())?.unsubscribe()
}

/** One that was made with another key takes nothing of this gateway. */
async function subscribed(applicationServerKey: Uint8Array<ArrayBuffer>): Promise<PushSubscription> {
  const registration = await navigator.serviceWorker.getRegistration()
  if (registration === undefined) throw new Error('The pages could not install what takes pushes. Reload them.')
  await (await registration.pushManager.getSubscription())?.unsubscribe()
  try {
    return await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey })
  } catch {
    throw new Error('The push service of this browser cannot be reached.')
  }
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
