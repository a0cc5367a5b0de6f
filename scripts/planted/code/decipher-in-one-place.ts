import * as crypto from 'node:crypto'
import { createDecipheriv } from 'node:crypto'
import { createDecipheriv as renamed } from 'node:crypto' // planted

// createDecipheriv( in a comment does not count
export const a = createDecipheriv('aes-256-gcm', '', '') // planted
export const b = crypto.createDecipheriv('aes-256-gcm', '', '') // planted
export const c = [renamed, 'createDecipheriv']
