// What the threads of the command line serve: the nodes of all jobs.

import { serve } from "heddle/worker";
import { birdstrikes } from "./birdstrikes/pipeline.js";
import { flights } from "./flights/pipeline.js";

serve(birdstrikes, flights);
