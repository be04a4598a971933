#!/usr/bin/env node
import { startSmall } from '../dist/small-start.js';

startSmall();
await import('../dist/main.js');
