#!/usr/bin/env node
import { keepHeapsSmall } from '../dist/small-heaps.js';

keepHeapsSmall();
await import('../dist/main.js');
